import type { CstNode, IToken } from 'chevrotain';
import type { Span } from '../../source/source.ts';
import type { Name } from '../ast.ts';

/** The tree lacks a part that its rule demands: the parser skipped over it after a mistake. */
export class IncompleteTree extends Error {}

/** The first of the children under one name. @throws IncompleteTree where a mistake took it */
export function first<T>(children: readonly T[] | undefined): T {
  const child = children?.[0];
  if (child === undefined) throw new IncompleteTree('a syntax tree without errors lacks a child');
  return child;
}

export function spanOf(element: CstNode | IToken): Span {
  if ('image' in element)
    return { start: element.startOffset, end: element.startOffset + element.image.length };
  const { location } = element;
  if (location?.endOffset === undefined) throw new Error(`a ${element.name} node has no tokens`);
  return { start: location.startOffset, end: location.endOffset + 1 };
}

export function nameOf(token: IToken): Name {
  return { text: token.image, span: spanOf(token) };
}

/** The words of a key joined by one blank. */
export function joinWords(words: readonly IToken[]): Name {
  const span = { start: spanOf(first(words)).start, end: spanOf(first(words.slice(-1))).end };
  return { text: words.map((w) => w.image).join(' '), span };
}
