import type { Range } from '../ir/bound-rules.ts';
import { sizeOf } from '../ir/graph.ts';
import type { NdArray } from '../ir/ndarray.ts';
import { normFrobenius } from '../norms/entrywise.ts';
import type { Bound } from '../numeric/bound.ts';
import { fromBound, rootOf, toBound } from './bounds-of-rules.ts';
import * as D from './dyadic.ts';

const ZERO: Bound = toBound(D.ZERO);
export const UNBOUNDED: Bound = toBound(D.UNBOUNDED);

/** An input of which nothing is known. */
export const NOTHING_KNOWN: Range = {
  pos: UNBOUNDED,
  neg: UNBOUNDED,
  norm2: UNBOUNDED,
  away: ZERO,
  cap: UNBOUNDED,
  nonNegative: false,
};

export function magnitudeOf({ pos, neg }: Range): D.Dyadic {
  return D.max(fromBound(pos), fromBound(neg));
}

/**
 * The range of a tensor whose elements are at hand, or of one number that stands for all of them. What is computed is its rounding
 * to float32, at most 2^-24 of it away.
 */
export function rangeOfElements({ shape, data }: NdArray): Range {
  let [highest, lowest, nearest] = [0, 0, Infinity];
  for (const x of data) {
    highest = Math.max(highest, x);
    lowest = Math.min(lowest, x);
    nearest = Math.min(nearest, Math.abs(x));
  }
  const most = Math.max(highest, -lowest);
  const splat = D.multiply(rootOf(sizeOf(shape)), D.fromNumber(most));
  return {
    pos: toBound(D.fromNumber(highest)),
    neg: toBound(D.fromNumber(Math.abs(lowest))),
    norm2: data.length === 1 ? toBound(splat) : normFrobenius(data),
    away: toBound(D.fromNumber(nearest * (1 - 2 ** -23))),
    cap: toBound(D.multiply(D.fromNumber(most), D.fromNumber(1 + 2 ** -23))),
    nonNegative: lowest === 0,
  };
}

/** Every element in `[low, high]`, whatever the shape. */
export function rangeOfInterval(low: number, high: number): Range {
  const range = rangeOfElements({ shape: [], data: Float64Array.of(low, high) });
  return { ...range, norm2: UNBOUNDED, away: low > 0 ? range.away : ZERO };
}

/** What magnitude, 2-norm and cap of n elements imply of each other: `max ≤ ‖·‖₂ ≤ √n·max`. */
export function implied(range: Range, size: number): Range {
  const root = rootOf(size);
  const cap = fromBound(range.cap);
  const norm = D.min(fromBound(range.norm2), D.multiply(root, magnitudeOf(range)));
  const limit = D.min(norm, cap);
  const capped = D.isUnbounded(cap) ? norm : D.min(norm, D.multiply(root, cap));
  return {
    ...range,
    pos: toBound(D.min(fromBound(range.pos), limit)),
    neg: range.nonNegative ? ZERO : toBound(D.min(fromBound(range.neg), limit)),
    norm2: toBound(capped),
  };
}
