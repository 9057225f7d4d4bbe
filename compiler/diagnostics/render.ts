import { lineStarts, type Source, type Span } from '../source/source.ts';
import type { Diagnostic } from './diagnostic.ts';
import { renderGithub, renderJson } from './render/machine.ts';
import { renderPretty } from './render/pretty.ts';

export interface RenderOptions {
  readonly reporter: 'pretty' | 'json' | 'github';
  /** Whether `pretty` may use terminal colors. */
  readonly color: boolean;
}

/** Prints diagnostics of one source in the order of its text, each ended by a new line. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  source: Source,
  options: RenderOptions,
): string {
  const starts = lineStarts(source.text);
  const sorted = diagnostics
    .map((d) => withinText(d, source.text.length))
    .toSorted((a, b) => a.span.start - b.span.start || a.span.end - b.span.end || (a.code < b.code ? -1 : 1));
  const render = (d: Diagnostic): string => {
    switch (options.reporter) {
      case 'pretty':
        return renderPretty(d, source, starts, options.color);
      case 'json':
        return renderJson(d, source, starts);
      case 'github':
        return renderGithub(d, source, starts);
    }
  };
  return sorted.map((d) => `${render(d)}\n`).join('');
}

/** The same with every span inside the text, as a reader of positions may rely on. */
function withinText(d: Diagnostic, length: number): Diagnostic {
  const clamp = ({ start, end }: Span): Span => {
    const from = Math.min(Math.max(0, start), length);
    return { start: from, end: Math.min(Math.max(from, end), length) };
  };
  return {
    ...d,
    span: clamp(d.span),
    related: d.related.map((r) => ({ ...r, span: clamp(r.span) })),
    fixes: d.fixes.map((f) => ({ ...f, span: clamp(f.span) })),
  };
}
