import { sizeOf } from '../../../compiler/ir/graph.ts';
import type { NdArray } from '../../../compiler/ir/ndarray.ts';
import { arity } from '../../../compiler/ops/operands.ts';
import { groupPositions } from '../../../compiler/ops/strided.ts';
import { gamma, type RoundingRule, TINY, U, within } from './allowance.ts';
import { EXP_ULPS, SQRT_ULPS } from './libm.ts';

/** Moments of each group of a tensor, with what float32 may add to them. */
interface Moments {
  readonly group: Int32Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly meanError: Float64Array;
  readonly varianceError: Float64Array;
}

/**
 * A mean of n numbers takes n − 1 additions and n divisions or one, in some engines by the rounded 1/n: `|m̂ − m| ≤ γₙ₊₁·mean |x|`, and
 * n underflows. Around m̂ the exact mean square is `σ² + (m̂ − m)²`, since deviations sum to 0; every term of it has a
 * difference, a square and the mean's roundings, together `γₙ₊₄`.
 */
function moments(x: NdArray, axes: readonly number[]): Moments {
  const group = groupPositions(x.shape, axes);
  const groups = sizeOf(x.shape.filter((_, axis) => !axes.includes(axis)));
  const n = x.data.length / groups;
  const meanOf = (term: (value: number, g: number) => number): Float64Array => {
    const sums = new Float64Array(groups);
    x.data.forEach((value, i) => {
      const g = group[i] ?? 0;
      sums[g] = (sums[g] ?? 0) + term(value, g);
    });
    return sums.map((sum) => sum / n);
  };
  const mean = meanOf((value) => value);
  const variance = meanOf((value, g) => (value - (mean[g] ?? 0)) ** 2);
  const meanError = meanOf(Math.abs).map((size) => gamma(n + 1) * size + n * TINY);
  const varianceError = variance.map((v, g) => {
    const shift = (meanError[g] ?? 0) ** 2;
    return gamma(n + 4) * (v + shift) + shift + 2 * n * TINY;
  });
  return { group, mean, variance, meanError, varianceError };
}

export const varianceRule: RoundingRule<'variance'> = ({ operands, attributes }) =>
  within(moments(arity(operands, 1)[0], attributes.axes).varianceError);

/**
 * `(x − m̂)/√(v̂ + ε)`: the numerator may be off by the mean's error and one rounding, the denominator by the variance's error and by
 * the roundings of ε, of the sum and of the square root; the quotient rounds once more.
 */
export const standardizeRule: RoundingRule<'standardize'> = ({ operands, exact, attributes }) => {
  const [x] = arity(operands, 1);
  const { epsilon, axes } = attributes;
  const { group, mean, variance, meanError, varianceError } = moments(x, axes);
  const error = x.data.map((value, i) => {
    const g = group[i] ?? 0;
    const square = (variance[g] ?? 0) + epsilon;
    const relative = ((varianceError[g] ?? 0) + U * epsilon) / square;
    if (relative >= 1) return Number.POSITIVE_INFINITY;
    const deviation = Math.abs(value - (mean[g] ?? 0));
    const factor = (1 + gamma(3 + 2 * SQRT_ULPS)) / Math.sqrt(1 - relative);
    const largest = ((deviation + (meanError[g] ?? 0)) / Math.sqrt(square)) * factor;
    return largest - Math.abs(exact.data[i] ?? 0) + TINY;
  });
  return within(error);
};

/** `max − z`, the largest such difference and `Σ exp(z − max)` of one row. */
function rowOf(logits: Float64Array) {
  const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const below = logits.map((z) => max - z);
  const deepest = below.reduce((a, b) => Math.max(a, b), 0);
  return { below, deepest, sum: below.reduce((total, a) => total + Math.exp(-a), 0) };
}

/**
 * With a = max − z, rounded by `u·a`, an exponential is off by the factor `exp(±u·a)` and that of the library; the sum of K of them by
 * as much as the deepest and K − 1 additions, and a division (or a reciprocal and a product) follows. `exp(u·a) ≤ 1 + γₐ`, so all of
 * it is one γ. Exponentials below the normal numbers may be flushed to 0, against a sum of at least 1.
 */
export const softmaxRule: RoundingRule<'softmax'> = ({ operands, exact }) => {
  const [x] = arity(operands, 1);
  const width = x.shape.at(-1) ?? 1;
  const error = new Float64Array(x.data.length);
  for (let row = 0; row < error.length; row += width) {
    const { below, deepest } = rowOf(x.data.subarray(row, row + width));
    below.forEach((a, k) => {
      const roundings = a + deepest + width + 2 + 4 * EXP_ULPS;
      error[row + k] = gamma(roundings) * (exact.data[row + k] ?? 0) + SMALLEST_NORMAL;
    });
  }
  return within(error);
};

const SMALLEST_NORMAL = 2 ** -126;

/**
 * `Σₖ tₖ·(log S + aₖ)` with S and a as above. log S is off by the relative error of S and by the library's own; the difference rounds
 * once more, each product once, and K − 1 additions follow. All terms are taken with their magnitudes.
 */
export const softmaxCrossEntropyRule: RoundingRule<'softmaxCrossEntropy'> = ({ operands, exact }) => {
  const [logits, target] = arity(operands, 2);
  const width = logits.shape[1] ?? 1;
  const error = exact.data.map((_, row) => {
    const { below, deepest, sum } = rowOf(logits.data.subarray(row * width, (row + 1) * width));
    const logSum = Math.log(sum);
    const ofSum = gamma(deepest + width + 2 * EXP_ULPS) + width * SMALLEST_NORMAL;
    let total = 0;
    below.forEach((a, k) => {
      const weight = Math.abs(target.data[row * width + k] ?? 0);
      const surprise = logSum + a;
      const ofSurprise = gamma(2) * a + gamma(2 + 2 * EXP_ULPS) * logSum + (1 + gamma(8)) * ofSum;
      total += weight * (ofSurprise + gamma(width) * (surprise + ofSurprise)) + TINY;
    });
    return total;
  });
  return within(error);
};
