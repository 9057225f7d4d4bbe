import type { NdArray } from '../../../compiler/ir/ndarray.ts';
import type { Allowance, Tie } from './allowance.ts';

/** A code that float32 rounded to the other side of a tie, where it may. Distances are in steps of the grid. */
export interface Flip {
  readonly index: number;
  readonly distance: number;
  readonly proved: number;
}

/** An element that no rounding explains. */
export interface Mismatch {
  readonly index: number;
  readonly found: number;
  readonly exact: number;
  readonly allowed: number;
}

export interface Comparison {
  /** The largest error as a fraction of what is allowed, flips left out; 0 where all elements are exact. */
  readonly largest: number;
  readonly flips: readonly Flip[];
  /** The first of them, in row-major order. */
  readonly mismatch: Mismatch | undefined;
}

/** Compares a float32 result with the exact one, element by element. */
export function compareResult(
  found: ArrayLike<number>,
  exact: NdArray,
  { error, ties }: Allowance,
): Comparison {
  return compareElements(found, exact.data, error, (index) => {
    const tie = ties.get(index);
    return tie && fractionOf(found[index] ?? Number.NaN, tie.other, tie.error) <= 1 ? tie : undefined;
  });
}

/** Compares two float32 results of one op, each of which is within the allowance of the exact one. */
export function compareResults(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { error, ties }: Allowance,
): Comparison {
  const doubled = error.map((allowed) => 2 * allowed);
  return compareElements(a, b, doubled, (index) => ties.get(index));
}

function compareElements(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  error: Float64Array,
  tieAt: (index: number) => Tie | undefined,
): Comparison {
  const flips: Flip[] = [];
  let largest = 0;
  let mismatch: Mismatch | undefined;
  for (let index = 0; index < error.length; index++) {
    const value = found[index] ?? Number.NaN;
    const exact = expected[index] ?? Number.NaN;
    const allowed = error[index] ?? 0;
    const part = fractionOf(value, exact, allowed);
    if (part <= 1) {
      largest = Math.max(largest, part);
      continue;
    }
    const tie = tieAt(index);
    if (tie) flips.push({ index, distance: tie.distance, proved: tie.proved });
    else mismatch ??= { index, found: value, exact, allowed };
  }
  return { largest, flips, mismatch };
}

/** The error of a value as a fraction of the allowed one; infinite where nothing is allowed, or no finite bound was found. */
function fractionOf(value: number, exact: number, allowed: number): number {
  if (value === exact) return 0;
  // Overflow and NaN must be those of float32 itself.
  if (!Number.isFinite(value)) return Object.is(value, Math.fround(exact)) ? 0 : Number.POSITIVE_INFINITY;
  const error = Math.abs(value - exact);
  return error <= allowed && Number.isFinite(allowed) ? error / allowed : Number.POSITIVE_INFINITY;
}
