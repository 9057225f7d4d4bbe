/**
 * Documents after Wadler, "A prettier printer" (2003), with hard lines: a group is printed on one line where it
 * fits, otherwise each of its own lines breaks. A group that holds a hard line always breaks.
 */
export type Doc =
  | string
  | readonly Doc[]
  | { readonly kind: 'line'; readonly flat: string; readonly hard: boolean }
  | { readonly kind: 'indent'; readonly content: Doc }
  | { readonly kind: 'group'; readonly content: Doc; readonly broken: boolean }
  /** Printed only where the group around it stands on one line. */
  | { readonly kind: 'flatOnly'; readonly text: string };

/** A blank or a new line. */
export const line: Doc = { kind: 'line', flat: ' ', hard: false };
/** Nothing or a new line. */
export const softLine: Doc = { kind: 'line', flat: '', hard: false };
export const hardLine: Doc = { kind: 'line', flat: '', hard: true };

export function indent(content: Doc): Doc {
  return { kind: 'indent', content };
}

export function group(content: Doc): Doc {
  return { kind: 'group', content, broken: holdsHardLine(content) };
}

export function flatOnly(text: string): Doc {
  return { kind: 'flatOnly', text };
}

function isList(doc: Doc): doc is readonly Doc[] {
  return Array.isArray(doc);
}

function holdsHardLine(doc: Doc): boolean {
  if (typeof doc === 'string') return false;
  if (isList(doc)) return doc.some(holdsHardLine);
  switch (doc.kind) {
    case 'line':
      return doc.hard;
    case 'indent':
      return holdsHardLine(doc.content);
    case 'group':
      return doc.broken;
    case 'flatOnly':
      return false;
  }
}

interface Command {
  readonly doc: Doc;
  readonly indent: number;
  readonly flat: boolean;
}

const INDENT = 2;

/** Prints a document; no line ends in blanks. */
export function print(doc: Doc, width: number): string {
  const lines: string[] = [];
  let current = '';
  const stack: Command[] = [{ doc, indent: 0, flat: false }];
  for (let command = stack.pop(); command !== undefined; command = stack.pop()) {
    const { doc: part, indent: depth, flat } = command;
    if (typeof part === 'string') current += part;
    else if (isList(part)) {
      for (const inner of part.toReversed()) stack.push({ doc: inner, indent: depth, flat });
    } else if (part.kind === 'indent') stack.push({ doc: part.content, indent: depth + INDENT, flat });
    else if (part.kind === 'flatOnly') {
      if (flat) current += part.text;
    } else if (part.kind === 'group') {
      const inline = { doc: part.content, indent: depth, flat: true };
      const isFlat = flat || (!part.broken && fits(inline, stack, width - current.length));
      stack.push(isFlat ? inline : { ...inline, flat: false });
    } else if (flat && !part.hard) current += part.flat;
    else {
      lines.push(current.trimEnd());
      current = ' '.repeat(depth);
    }
  }
  return [...lines, current.trimEnd()].join('\n');
}

/** Whether what follows up to the next possible new line has room. */
function fits(next: Command, rest: readonly Command[], room: number): boolean {
  let left = room;
  let below = rest.length;
  const stack: Command[] = [next];
  while (left >= 0) {
    const command = stack.pop() ?? rest[--below];
    if (command === undefined) return true;
    const { doc, indent: depth, flat } = command;
    if (typeof doc === 'string') left -= doc.length;
    else if (isList(doc)) for (const part of doc.toReversed()) stack.push({ doc: part, indent: depth, flat });
    else if (doc.kind === 'line') {
      if (!flat || doc.hard) return true;
      left -= doc.flat.length;
    } else if (doc.kind === 'flatOnly') left -= flat ? doc.text.length : 0;
    else stack.push({ doc: doc.content, indent: depth, flat: flat && !(doc.kind === 'group' && doc.broken) });
  }
  return false;
}
