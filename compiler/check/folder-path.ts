import type { StringExpr } from '../syntax/ast.ts';
import type { Log } from './log.ts';

/**
 * Whether a path from a spec, which a stranger may have written, stays inside the folder it is relative to: not
 * absolute on any system, no drive, no control character, and never more `..` than folders entered.
 */
export function staysInside(path: string): boolean {
  if (path === '' || /^[\\/]|^[A-Za-z]:|[\0-\x1f]/.test(path)) return false;
  let depth = 0;
  for (const part of path.split(/[\\/]/)) {
    if (part === '..') depth--;
    else if (part !== '.' && part !== '') depth++;
    if (depth < 0) return false;
  }
  return depth > 0;
}

/** The path, or undefined after reporting that it leaves its folder. */
export function folderPath(
  text: Pick<StringExpr, 'value' | 'span'>,
  folder: string,
  log: Log,
): string | undefined {
  if (staysInside(text.value)) return text.value;
  return log.report(
    'QS2013',
    text.span,
    { path: text.value },
    { hint: `give a path relative to ${folder}, without '..' out of it` },
  );
}
