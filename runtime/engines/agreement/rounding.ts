import { sizeOf } from '../../../compiler/ir/graph.ts';
import type { NdArray } from '../../../compiler/ir/ndarray.ts';
import type { OpName, PoolWindow } from '../../../compiler/ir/op-attributes.ts';
import { arity } from '../../../compiler/ops/operands.ts';
import { gamma, magnitudes, type RoundingContext, type RoundingRule, TINY, U, within } from './allowance.ts';
import { quantizeMaskRule, quantizeRule, quantizeStochasticRule, quantScaleRule } from './grids.ts';
import { EXP_ULPS, SQRT_ULPS } from './libm.ts';
import { softmaxCrossEntropyRule, softmaxRule, standardizeRule, varianceRule } from './normalization.ts';

/** Moves, selects or negates numbers: nothing rounds. Noise is drawn by the same integers everywhere. */
function exactly<K extends OpName>({ exact }: RoundingContext<K>) {
  return within(new Float64Array(exact.data.length));
}

/** One operation that IEEE 754 rounds correctly; sums and differences never underflow. */
function rounded<K extends OpName>(underflow: number): RoundingRule<K> {
  return ({ exact }) => within(exact.data.map((y) => U * Math.abs(y) + underflow));
}

/** A function that is computed to within some ulp, each at most 2u of the result. */
function withinUlps<K extends OpName>(ulps: number): RoundingRule<K> {
  return ({ exact }) => within(exact.data.map((y) => gamma(2 * ulps) * Math.abs(y) + 2 ** -126));
}

/**
 * Sums of n terms in any order, fused or not, each term having been rounded `before` times: `γₙ₋₁₊before · Σ |terms|` (Higham 2002,
 * sections 3.1 and 4.2). The sum of magnitudes is the op itself on the magnitudes of its operands, as it is linear in each.
 */
function sumOf<K extends OpName>(
  terms: (context: RoundingContext<K>) => number,
  before: number,
  operandsOf = (operands: readonly NdArray[]): readonly NdArray[] => operands.map(magnitudes),
): RoundingRule<K> {
  return (context) => {
    const n = terms(context);
    const bound = gamma(n - 1 + before);
    const underflow = n * before * TINY;
    return within(
      context.evaluate(operandsOf(context.operands)).data.map((size) => bound * size + underflow),
    );
  };
}

/** Two products, a root, a sum and a quotient; products that underflow are off by their last place, under the root by the root of it. */
const adamDirectionRule: RoundingRule<'adamDirection'> = ({ exact, attributes: { epsilon } }) =>
  within(
    exact.data.map((y) => {
      const lost = (TINY + Math.abs(y) * Math.sqrt(TINY)) / epsilon;
      return gamma(6 + 2 * SQRT_ULPS) * Math.abs(y) + lost + TINY;
    }),
  );

/** Windows that may share an element of the image. */
function overlap({ kernel, strides }: PoolWindow): number {
  return Math.ceil(kernel[0] / strides[0]) * Math.ceil(kernel[1] / strides[1]);
}

/** The size of an operand along some of its axes. */
function extent<K extends OpName>(
  { operands }: RoundingContext<K>,
  operand: number,
  ...axes: number[]
): number {
  const shape = operands[operand]?.shape ?? [];
  return sizeOf(axes.map((axis) => shape.at(axis) ?? 1));
}

/**
 * What float32 may add to each op on operands that it holds, whatever the order of its sums. Each bound is proved from the standard
 * model `fl(a ∘ b) = (a ∘ b)(1 + δ), |δ| ≤ u` and the accuracies of `libm.ts`, not fitted to what an engine shows.
 */
export const ROUNDING: { readonly [K in OpName]: RoundingRule<K> } = {
  neg: exactly,
  abs: exactly,
  relu: exactly,
  step: exactly,
  minimum: exactly,
  maximum: exactly,
  stopGradient: exactly,
  broadcastTo: exactly,
  reshape: exactly,
  transpose: exactly,
  slice: exactly,
  pad: exactly,
  oneHot: exactly,
  maxPool: exactly,
  maxPoolPick: exactly,
  quantizeCotangent: exactly,
  uniform: exactly,
  normal: exactly,

  add: rounded(0),
  sub: rounded(0),
  mul: rounded(TINY),
  div: rounded(TINY),
  dequantize: rounded(TINY),
  exp: withinUlps(EXP_ULPS),
  log: withinUlps(EXP_ULPS),
  sqrt: withinUlps(SQRT_ULPS),

  sum: sumOf(({ operands, exact }) => (operands[0]?.data.length ?? 0) / exact.data.length, 0),
  matmul: sumOf((context) => extent(context, 0, context.attributes.transposeA ? -2 : -1), 1),
  conv2d: sumOf((context) => extent(context, 1, 1, 2, 3), 1),
  conv2dInputGrad: sumOf((context) => extent(context, 1, 0, 2, 3), 1),
  conv2dWeightGrad: sumOf((context) => extent(context, 1, 0, 2, 3), 1),
  // Engines without a sum take the average, by a division or a rounded reciprocal, times the number of elements.
  sumPool: sumOf(({ attributes: { kernel } }) => sizeOf(kernel), 3),
  sumPoolGrad: sumOf(({ attributes }) => overlap(attributes), 0),
  // Which element wins is decided exactly, so only the δ that meet at one element are added.
  maxPoolRoute: sumOf(
    ({ attributes }) => overlap(attributes),
    0,
    (operands) => {
      const [x, delta] = arity(operands, 2);
      return [x, magnitudes(delta)];
    },
  ),

  variance: varianceRule,
  standardize: standardizeRule,
  softmax: softmaxRule,
  softmaxCrossEntropy: softmaxCrossEntropyRule,

  adamDirection: adamDirectionRule,

  quantScale: quantScaleRule,
  quantize: quantizeRule,
  quantizeStochastic: quantizeStochasticRule,
  quantizeMask: quantizeMaskRule,
};
