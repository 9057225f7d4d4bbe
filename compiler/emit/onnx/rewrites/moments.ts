import type { Builder } from '../../../ir/builder.ts';
import { type Graph, sizeOf, type Value } from '../../../ir/graph.ts';
import { div, mul, reshape, shift, sqrt, sub } from '../../../ops/algebra.ts';
import { rebuild } from './rebuild.ts';

/**
 * Writes variances and standardization as sums, differences and products, so that the deviations from the mean, which both need, are there once,
 * and that the factor `1/σ` of each channel can join other factors (see `small-factors-first.ts`).
 */
export function moments(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    const [x] = node.operands;
    if (x === undefined) return undefined;
    if (node.op === 'variance') return momentsOf(builder, x, node.attributes.axes).variance;
    if (node.op !== 'standardize') return undefined;
    const { deviation, variance } = momentsOf(builder, x, node.attributes.axes);
    const sigma = sqrt(builder, shift(builder, variance, node.attributes.epsilon));
    return mul(builder, deviation, div(builder, builder.constant(1), sigma));
  });
}

function momentsOf(builder: Builder, x: Value, axes: readonly number[]) {
  const shape = builder.shapeOf(x);
  const kept = shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const count = builder.constant(sizeOf(shape) / sizeOf(kept));
  const mean = (of: Value): Value => {
    const total = builder.op('sum', [of], { axes, keepDims: false });
    return reshape(builder, div(builder, total, count), kept);
  };
  const deviation = sub(builder, x, mean(x));
  return { deviation, variance: mean(mul(builder, deviation, deviation)) };
}
