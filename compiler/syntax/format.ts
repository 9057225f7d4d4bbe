import type { Source } from '../source/source.ts';
import type { SpecFile } from './ast.ts';
import { print } from './format/doc.ts';
import { printFile } from './format/file.ts';
import { Layout } from './format/layout.ts';

const WIDTH = 100;

/**
 * Prints a file in its one canonical layout: two blanks an indent, lines of 100 where they can be broken, and of
 * the source's own layout its comments, single blank lines, sections over several lines and new lines in pipes.
 * Formatting twice changes nothing, and the result reads as the same tree.
 *
 * @param source what `file` was parsed from
 */
export function format(file: SpecFile, source: Source): string {
  return print(printFile(file, new Layout(source, file.comments)), WIDTH);
}
