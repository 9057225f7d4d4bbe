import type { Span } from '../../source/source.ts';
import type { Entry } from '../ast.ts';
import { type Doc, flatOnly, group, hardLine, indent, line } from './doc.ts';
import { printExpr } from './expression.ts';
import type { Layout } from './layout.ts';

/** One line of a section: where it stood, and how it prints. */
export interface Part {
  readonly span: Span;
  readonly print: () => Doc;
}

/**
 * `{ a: 1, b: 2 }`, or one part a line without commas: where `broken` says so, where the source had a new line
 * behind the brace, and where it does not fit.
 *
 * @param end the offset behind the closing brace
 */
export function printSection(parts: readonly Part[], end: number, layout: Layout, broken: boolean): Doc {
  const [first] = parts;
  if (first === undefined && !layout.hasCommentsBefore(end)) return '{}';
  const wasBroken = first !== undefined && layout.isBrokenAfterBrace(first.span.start);
  const between = broken || wasBroken ? hardLine : line;
  const content = parts.map((part, i) => {
    const gap =
      i === 0
        ? layout.gap(part.span.start, between)
        : [flatOnly(','), layout.gap(part.span.start, between, true)];
    const doc = part.print();
    layout.printed(part.span);
    return [gap, doc];
  });
  const { comments, close } = layout.dangling(end, between);
  return group(['{', indent([content, comments]), close, '}']);
}

export function printEntries(entries: readonly Entry[], end: number, layout: Layout): Doc {
  return printSection(
    entries.map((entry) => entryPart(entry, layout)),
    end,
    layout,
    false,
  );
}

export function entryPart(entry: Entry, layout: Layout): Part {
  return { span: entry.span, print: () => [entry.key.text, ': ', printExpr(entry.value, layout)] };
}
