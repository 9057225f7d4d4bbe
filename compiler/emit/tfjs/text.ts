/**
 * How text and numbers of a spec become TypeScript: everything that did not originate in this folder passes through
 * one of these functions on its way into a generated file.
 */

/** A single-quoted literal that holds exactly `text`, printable ASCII only. */
export function stringLiteral(text: string): string {
  const escaped = text.replace(/[\\']|[^ -~]/g, (c) => {
    if (c === '\\' || c === "'") return `\\${c}`;
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `'${escaped}'`;
}

/** A literal that reads back as exactly `value`. */
export function numberLiteral(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'Number.NaN';
  return value > 0 ? 'Number.POSITIVE_INFINITY' : 'Number.NEGATIVE_INFINITY';
}

/** Text that cannot end a comment of either kind or a line, at most 120 characters of it. */
export function commentText(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll('*/', '* /')
    .trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}

/** Text for inline code in Markdown. */
export function markdownCode(text: string): string {
  return `\`${commentText(text).replaceAll('`', "'")}\``;
}

/** The last part of a path, so that no machine's folders enter generated files. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
