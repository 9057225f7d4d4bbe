import type { Builder } from '../ir/builder.ts';
import { sizeOf, type Value } from '../ir/graph.ts';
import { type NdArray, ndarray } from '../ir/ndarray.ts';
import type { OnnxContext } from '../ir/onnx-context.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import { div, mean, mul, scale, shift, sqrt, sub, sum } from './algebra.ts';
import * as bounds from './bounds/normalization.ts';
import { arity, f32, floatShape, reducedBySome } from './operands.ts';
import { groupPositions } from './strided.ts';

/**
 * Deviations from the mean and biased variance of each group of elements, with the group of each element. Elements are taken relative to
 * the first of their group, so that those of a group of almost equal numbers keep their digits (Chan, Golub & LeVeque 1983).
 */
function moments(x: NdArray, axes: readonly number[]) {
  const group = groupPositions(x.shape, axes);
  const groups = sizeOf(reducedBySome(x.shape, axes, true));
  const count = x.data.length / groups;
  const first = new Float64Array(groups).fill(Number.NaN);
  const deviation = x.data.map((value, i) => {
    const g = group[i] ?? 0;
    if (Number.isNaN(first[g])) first[g] = value;
    return value - (first[g] ?? 0);
  });
  const meanOf = (term: (d: number) => number): Float64Array => {
    const means = new Float64Array(groups);
    deviation.forEach((d, i) => {
      const g = group[i] ?? 0;
      means[g] = (means[g] ?? 0) + term(d) / count;
    });
    return means;
  };
  const mean = meanOf((d) => d);
  deviation.forEach((d, i) => {
    deviation[i] = d - (mean[group[i] ?? 0] ?? 0);
  });
  return { group, deviation, variance: meanOf((d) => d * d) };
}

function centered(builder: Builder, x: Value, axes: readonly number[]): Value {
  return sub(builder, x, mean(builder, x, axes, true));
}

/** `x − mean` and the biased variance as ONNX nodes, axes kept. */
function onnxMoments<K extends 'variance' | 'standardize'>(
  { op, operands, constant }: OnnxContext<K>,
  axes: readonly number[],
) {
  const [x] = arity(operands, 1);
  const over = constant('int64', axes);
  const difference = op('Sub', [x, op('ReduceMean', [x, over], { keepdims: 1 })]);
  const variance = op('ReduceMean', [op('Mul', [difference, difference]), over], { keepdims: 1 });
  return { difference, variance };
}

/** `mean((x − mean x)²)` over the axes, which are kept as 1. */
const variance: OpDef<'variance'> = {
  type: (operands, { axes }) => f32(reducedBySome(floatShape(arity(operands, 1)[0]), axes, true)),
  bounds: bounds.variance,
  macs: () => 0,
  // dσ² = (2/n)·Σ (x − μ)·dx: the mean's own share is zero because deviations sum to zero.
  vjp: ({ builder, node, operands, result, cotangent }) => {
    const [x] = arity(operands, 1);
    const count = sizeOf(builder.shapeOf(x)) / sizeOf(builder.shapeOf(result));
    const deviation = centered(builder, x, node.attributes.axes);
    return [mul(builder, deviation, scale(builder, cotangent, 2 / count))];
  },
  evaluate: ({ operands, attributes, type }) =>
    ndarray(type.shape, moments(arity(operands, 1)[0], attributes.axes).variance),
  tfjs: ({ support, operands, attributes }) => support('variance', arity(operands, 1)[0], attributes.axes),
  onnx: (context) => onnxMoments(context, context.attributes.axes).variance,
};

/**
 * `x̂ = (x − μ)/σ` with `σ = √(variance + ε)`; the moments are functions of x, so
 * `dx = (δ − mean δ − x̂·mean(δ·x̂))/σ` (Ioffe & Szegedy 2015, section 3, in closed form).
 */
const standardize: OpDef<'standardize'> = {
  type: (operands, { axes, epsilon }) => {
    const shape = floatShape(arity(operands, 1)[0]);
    reducedBySome(shape, axes, true);
    if (!(epsilon > 0)) throw new Error(`epsilon is ${epsilon}, which is not positive`);
    return f32(shape);
  },
  bounds: bounds.standardize,
  macs: () => 0,
  vjp: ({ builder, node, operands, result, cotangent }) => {
    const { axes, epsilon } = node.attributes;
    const [x] = arity(operands, 1);
    const deviation = sqrt(builder, shift(builder, builder.op('variance', [x], { axes }), epsilon));
    const alongMean = centered(builder, cotangent, axes);
    const alongResult = mul(builder, result, mean(builder, mul(builder, cotangent, result), axes, true));
    return [div(builder, sub(builder, alongMean, alongResult), deviation)];
  },
  evaluate: ({ operands, attributes: { axes, epsilon }, type }) => {
    const [x] = arity(operands, 1);
    const { group, deviation, variance } = moments(x, axes);
    const data = deviation.map((d, i) => d / Math.sqrt((variance[group[i] ?? 0] ?? 0) + epsilon));
    return { shape: type.shape, data };
  },
  tfjs: ({ support, operands, attributes }) =>
    support('standardize', arity(operands, 1)[0], attributes.axes, attributes.epsilon),
  onnx: (context) => {
    const { op, constant, attributes } = context;
    const { difference, variance } = onnxMoments(context, attributes.axes);
    const deviation = op('Sqrt', [op('Add', [variance, constant('float', attributes.epsilon)])]);
    return op('Div', [difference, deviation]);
  },
};

/** `exp(x − max x) / Σ exp(x − max x)` over the last axis; dx = s·(δ − Σ δ·s). */
const softmax: OpDef<'softmax'> = {
  type: (operands) => {
    const shape = floatShape(arity(operands, 1)[0]);
    if (shape.length === 0) throw new Error('softmax needs an axis');
    return f32(shape);
  },
  bounds: bounds.softmax,
  macs: () => 0,
  vjp: ({ builder, result, cotangent }) => {
    const last = builder.shapeOf(result).length - 1;
    const total = sum(builder, mul(builder, cotangent, result), [last], true);
    return [mul(builder, result, sub(builder, cotangent, total))];
  },
  evaluate: ({ operands }) => {
    const [x] = arity(operands, 1);
    const width = x.shape.at(-1) ?? 1;
    const data = new Float64Array(x.data.length);
    for (let row = 0; row < data.length; row += width) {
      const logits = x.data.subarray(row, row + width);
      const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const powers = logits.map((z) => Math.exp(z - max));
      const total = powers.reduce((a, b) => a + b, 0);
      data.set(
        powers.map((power) => power / total),
        row,
      );
    }
    return { shape: x.shape, data };
  },
  tfjs: ({ tf, operands }) => tf('softmax', arity(operands, 1)[0]),
  onnx: ({ op, operands }) => op('Softmax', arity(operands, 1), { axis: -1 }),
};

export const NORMALIZATION = { variance, standardize, softmax } satisfies Pick<
  Registry,
  'variance' | 'standardize' | 'softmax'
>;
