import { positionAt, type Source, type Span } from '../../source/source.ts';
import type { Diagnostic } from '../diagnostic.ts';

interface Place {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

function rangeOf(span: Span, starts: readonly number[]): { readonly start: Place; readonly end: Place } {
  const place = (offset: number): Place => ({ ...positionAt(starts, offset), offset });
  return { start: place(span.start), end: place(span.end) };
}

/** One JSON object on one line; its keys and their order are stable. */
export function renderJson(d: Diagnostic, source: Source, starts: readonly number[]): string {
  return JSON.stringify({
    code: d.code,
    severity: d.severity,
    message: d.message,
    file: source.path,
    ...rangeOf(d.span, starts),
    related: d.related.map((r) => ({ message: r.message, ...rangeOf(r.span, starts) })),
    hint: d.hint ?? null,
    fixes: d.fixes.map((f) => ({ title: f.title, replacement: f.replacement, ...rangeOf(f.span, starts) })),
  });
}

/** A workflow command of GitHub Actions, which shows the diagnostic beside the line. */
export function renderGithub(d: Diagnostic, source: Source, starts: readonly number[]): string {
  const { start, end } = rangeOf(d.span, starts);
  const properties = [
    ['file', source.path],
    ['line', String(start.line)],
    ['endLine', String(end.line)],
    ['col', String(start.column)],
    ['endColumn', String(end.column)],
    ['title', d.code],
  ].map(([key, value]) => `${key}=${escapeProperty(value ?? '')}`);
  const notes = [
    ...(d.hint === undefined ? [] : [`hint: ${d.hint}`]),
    ...d.fixes.map((f) => `fix: ${f.title}`),
  ];
  return `::${d.severity} ${properties.join(',')}::${escapeData([d.message, ...notes].join('\n'))}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
