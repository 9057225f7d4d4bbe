import type { Range } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import {
  add,
  type Bound,
  compare,
  fromNumber,
  isUnbounded,
  max,
  min,
  multiply,
  multiplyDown,
  ONE,
  sqrt,
  UNBOUNDED,
  ZERO,
} from '../../numeric/bound.ts';

/** Unit roundoff of float32. */
export const U32 = fromNumber(2 ** -24);

/** The largest error of a float32 product or quotient that underflows: half the smallest subnormal number. */
export const UNDERFLOW = fromNumber(2 ** -150);

/** Lower bounds of computed magnitudes lose this factor at each rounding. */
const SHRINK = fromNumber(1 - 2 ** -23);

/** The smallest error that there is: a mask whose operand is anything but exact may differ from it at 0. */
export const ANY_ERROR: Bound = { mantissa: 1, exponent: -(2 ** 49) };

export function magnitude({ pos, neg }: Range): Bound {
  return max(pos, neg);
}

export function bound(x: number): Bound {
  return fromNumber(x);
}

export function rootOf(n: number): Bound {
  return sqrt(fromNumber(n));
}

/** `x·n` rounded up, for a count. */
export function times(x: Bound, n: number): Bound {
  return n === 1 ? x : multiply(x, fromNumber(n));
}

/** How often one element of an operand appears in the broadcast result. */
export function repeats(from: readonly number[], to: readonly number[]): number {
  return sizeOf(to) / sizeOf(from);
}

/**
 * `γ_n`: the relative error of a float32 sum of n terms, or of n roundings in a row, in any order (Higham, "Accuracy and Stability of Numerical
 * Algorithms", 2002, lemma 3.1). Rounding to nearest errs by at most `u/(1 + u)` of what is rounded, so that n of them stay within
 * `(1 + u)ⁿ − 1 < exp(n·u) − 1`, which is below Higham's `n·u / (1 − n·u)` and holds for every n.
 */
export function gamma32(n: number): Bound {
  if (n <= 0) return ZERO;
  const power = Math.expm1(n * 2 ** -24) * (1 + 2 ** -40);
  return Number.isFinite(power) ? fromNumber(power) : UNBOUNDED;
}

/** A symmetric range of a given magnitude and 2-norm, of which structure says nothing. */
export function symmetric(mag: Bound, norm2: Bound): Range {
  return { pos: mag, neg: mag, norm2, away: ZERO, cap: UNBOUNDED, nonNegative: false };
}

/** The same facts about a tensor with other elements left out or zeros put in. */
export function without(range: Range, facts: Partial<Range>): Range {
  return { ...range, ...facts };
}

/** A lower bound of the computed magnitude from one of the exact one, which does not underflow. */
export function shrunk(away: Bound): Bound {
  return multiplyDown(away, SHRINK);
}

/** The smallest normal float32 number: a product below it keeps no relative accuracy, and may be 0. */
const NORMAL = fromNumber(2 ** -126);

/** The same for products, of which nothing is known where they may underflow. */
export function shrunkProduct(away: Bound): Bound {
  return compare(away, NORMAL) < 0 ? ZERO : shrunk(away);
}

/** A cap of computed values after one more rounding. */
export function roundedCap(cap: Bound): Bound {
  return isUnbounded(cap) ? UNBOUNDED : multiply(cap, fromNumber(1 + 2 ** -23));
}

/** The same for products, which besides may underflow away from 0; a product with 0 is 0. */
export function roundedProductCap(cap: Bound): Bound {
  return cap.mantissa === 0 ? ZERO : add(roundedCap(cap), UNDERFLOW);
}

/** A cap of computed sums of `terms` values. */
export function summedCap(cap: Bound, terms: number): Bound {
  return multiply(times(cap, terms), add(ONE, gamma32(terms)));
}

/** Magnitude, 2-norm and cap imply bounds of each other. */
export function tightened(range: Range, size: number): Range {
  const norm2 = min(range.norm2, multiply(rootOf(size), magnitude(range)));
  const limit = min(norm2, range.cap);
  return {
    ...range,
    pos: min(range.pos, limit),
    neg: range.nonNegative ? ZERO : min(range.neg, limit),
    norm2: isUnbounded(range.cap) ? norm2 : min(norm2, multiply(rootOf(size), range.cap)),
  };
}

/** Whether 0 or anything of the other sign is excluded, for real and computed values alike. */
export function isPositive(range: Range): boolean {
  return range.nonNegative && compare(range.away, ZERO) > 0;
}
