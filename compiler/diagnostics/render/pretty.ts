import { positionAt, type Source, type Span } from '../../source/source.ts';
import type { Diagnostic, Severity } from '../diagnostic.ts';
import { columnsOf, visible, visibleText } from './visible.ts';

const CODES = { bold: 1, red: 31, yellow: 33, blue: 34, cyan: 36 } as const;
type Style = keyof typeof CODES;
type Paint = (style: Style, text: string) => string;

const SEVERITY_STYLE: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow' };
const TAB = '    ';
/** Characters of a long line that are shown around the place. */
const CONTEXT = 60;

/**
 * A diagnostic for people:
 *
 *     error[QS1001]: expected ',', found 'kernel'
 *       --> cnn.qspec:4:17
 *       |
 *     4 |   x |> conv(16 kernel: 3)
 *       |                ^^^^^^
 *       = fix: add ','
 */
export function renderPretty(
  d: Diagnostic,
  source: Source,
  starts: readonly number[],
  color: boolean,
): string {
  const paint: Paint = color ? (style, text) => `\u001b[${CODES[style]}m${text}\u001b[0m` : (_, text) => text;
  const style = SEVERITY_STYLE[d.severity];
  const head = `${paint(style, `${d.severity}[${d.code}]`)}${paint('bold', `: ${visibleText(d.message)}`)}`;
  const margin = lineNumberWidth(d, starts);
  const note = (label: string, text: string): string =>
    `${' '.repeat(margin)} ${paint('blue', '=')} ${paint('cyan', `${label}:`)} ${visibleText(text)}`;
  return [
    head,
    ...excerpt(d.span, '^', style, '', source, starts, margin, paint),
    ...d.related.flatMap((r) => excerpt(r.span, '-', 'blue', r.message, source, starts, margin, paint)),
    ...(d.hint === undefined ? [] : [note('hint', d.hint)]),
    ...d.fixes.map((fix) => note('fix', fix.title)),
    '',
  ].join('\n');
}

function lineNumberWidth(d: Diagnostic, starts: readonly number[]): number {
  const lines = [d.span, ...d.related.map((r) => r.span)].map(({ start }) => positionAt(starts, start).line);
  return String(Math.max(...lines)).length;
}

function excerpt(
  span: Span,
  mark: string,
  style: Style,
  message: string,
  source: Source,
  starts: readonly number[],
  margin: number,
  paint: Paint,
): readonly string[] {
  const { line, column } = positionAt(starts, span.start);
  const pad = ' '.repeat(margin);
  const bar = paint('blue', '|');
  const lineStart = starts[line - 1] ?? 0;
  const lineEnd = starts[line] === undefined ? source.text.length : starts[line] - 1;
  const from = Math.max(lineStart, span.start - CONTEXT);
  const to = Math.min(lineEnd, span.start + CONTEXT);
  const end = Math.min(span.end, to);
  const before = (from > lineStart ? '…' : '') + showSource(source.text.slice(from, span.start));
  const marked = showSource(source.text.slice(span.start, end));
  const after =
    showSource(source.text.slice(Math.max(span.start, end), to).trimEnd()) + (to < lineEnd ? '…' : '');
  const marks = mark.repeat(Math.max(1, columnsOf(marked)));
  const label = message === '' ? '' : ` ${visibleText(message)}`;
  return [
    `${pad}${paint('blue', '-->')} ${visibleText(source.path)}:${line}:${column}`,
    `${pad} ${bar}`,
    `${paint('blue', String(line).padStart(margin))} ${bar} ${before}${marked}${after}`.trimEnd(),
    `${pad} ${bar} ${' '.repeat(columnsOf(before))}${paint(style, `${marks}${label}`)}`,
  ];
}

/** A piece of a line as a terminal shows it: tabs become blanks, the carriage return of a line's end nothing. */
function showSource(text: string): string {
  return Array.from(text.replace(/\r$/, ''), (c) => (c === '\t' ? TAB : visible(c))).join('');
}
