import type { Span } from '../source/source.ts';
import type { Details, Log } from './log.ts';

/** Candidates and lengths beyond these are not compared: a suggestion is not worth a wait. */
const MAX_CANDIDATES = 2000;
const MAX_LENGTH = 64;

/**
 * Number of insertions, deletions, substitutions and swaps of neighbours from `a` to `b` (optimal string alignment, a
 * restriction of Damerau 1964): swapped letters are the commonest slip.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (beforeLast[j - 2] ?? 0) + 1 : substitution;
      row.push(Math.min(substitution, swap, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

/** The candidate that the name was probably meant to be, if any is near enough. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  let count = 0;
  for (const candidate of candidates) {
    if (count++ >= MAX_CANDIDATES) break;
    if (candidate === name || Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Hint and fix for a name that is not among the candidates: the nearest of them, else the list if it is short. */
export function suggestion(log: Log, name: string, span: Span, candidates: Iterable<string>): Details {
  if (!log.maySuggest()) return {};
  const known = [...candidates];
  const near = nearest(name, known);
  if (near !== undefined) {
    const fix = { title: `change to '${near}'`, span, replacement: near };
    return { hint: `did you mean '${near}'?`, fixes: [fix] };
  }
  if (known.length === 0 || known.length > 20) return {};
  return {
    hint: known.length === 1 ? `only '${known[0]}' is known here` : `known here: ${known.join(', ')}`,
  };
}

/** Reports a name that means nothing where it stands, with the nearest name that does. */
export function reportUnknown(
  log: Log,
  kind: string,
  name: { readonly text: string; readonly span: Span },
  candidates: Iterable<string>,
): undefined {
  return log.report(
    'QS2001',
    name.span,
    { kind, name: name.text },
    suggestion(log, name.text, name.span, candidates),
  );
}
