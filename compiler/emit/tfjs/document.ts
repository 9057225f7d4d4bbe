/** An expression as it is to be laid out: text, or a bracketed list that is broken over lines where it does not fit one. */
export type Document = string | Brackets;

export interface Brackets {
  readonly open: string;
  readonly items: readonly Document[];
  readonly close: string;
  /** Whether broken items share lines as far as they fit (numbers) or take one line each. */
  readonly fill?: boolean;
}

/** The columns that generated code keeps to where it can. */
export const WIDTH = 110;

/** On one line. */
export function flat(document: Document): string {
  if (typeof document === 'string') return document;
  const space = document.open.endsWith('{') && document.items.length > 0 ? ' ' : '';
  return document.open + space + document.items.map(flat).join(', ') + space + document.close;
}

/**
 * Laid out to end before `width`: `first` columns are taken on its first line and `after` needed behind its last.
 * Lines after the first carry `indent` spaces more than the statement's own.
 */
export function layout(document: Document, first: number, after: number, indent = 0, width = WIDTH): string {
  const line = flat(document);
  if (typeof document === 'string' || document.items.length === 0 || first + line.length + after <= width)
    return line;
  const inner = indent + 2;
  const margin = ' '.repeat(inner);
  const items = document.fill
    ? filled(document.items.map(flat), width - inner - 1)
    : document.items.map((item) => layout(item, inner, 1, inner, width));
  return [
    document.open,
    ...items.map((item) => `${margin}${item},`),
    ' '.repeat(indent) + document.close,
  ].join('\n');
}

function filled(items: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    if (line !== '' && line.length + 2 + item.length > width) {
      lines.push(line);
      line = item;
    } else line = line === '' ? item : `${line}, ${item}`;
  }
  return line === '' ? lines : [...lines, line];
}
