import type { Builder } from '../../../ir/builder.ts';
import { type Graph, sizeOf, type Value } from '../../../ir/graph.ts';
import { mul, reshape } from '../../../ops/algebra.ts';
import { opOf, rebuild } from './rebuild.ts';
import { isWhole } from './small.ts';

/**
 * `Σ x·s = s·Σ x` for factors s that are constant along the summed axes. What is left is often summed already, for the gradient of a scale or
 * shift. Sums that keep their axes are reshapes of those that do not, so that each is there once.
 */
export function factorsOutOfSums(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    const [x] = node.operands;
    if (node.op !== 'sum' || x === undefined) return undefined;
    const shape = builder.shapeOf(x);
    const { axes, keepDims } = node.attributes;
    const kept = shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
    const factors = factorsOf(builder, x);
    const constant = factors.filter((f) => isConstantAlong(builder.shapeOf(f), shape, axes));
    const [first, ...others] = factors.filter((f) => !constant.includes(f));
    if (first === undefined || ![first, ...others].every((f) => isWhole(builder, f, shape))) return undefined;
    if (constant.length === 0 && !keepDims) return undefined;
    const product = others.reduce((a, b) => mul(builder, a, b), first);
    const sum = reshape(builder, builder.op('sum', [product], { axes, keepDims: false }), kept);
    const scaled = constant.reduce((a, b) => mul(builder, a, b), sum);
    return reshape(builder, scaled, node.type.shape);
  });
}

function factorsOf(builder: Builder, value: Value): readonly Value[] {
  const product = opOf(builder, value, 'mul');
  if (product === undefined) return [value];
  const { shape } = product.type;
  // A factor that is stretched along some axis only multiplies what another one has there.
  return product.operands.flatMap((v) => (isWhole(builder, v, shape) ? factorsOf(builder, v) : [v]));
}

/** Whether a factor has size 1 along every axis that is summed. */
function isConstantAlong(
  factor: readonly number[],
  shape: readonly number[],
  axes: readonly number[],
): boolean {
  if (sizeOf(factor) === sizeOf(shape)) return false;
  const missing = shape.length - factor.length;
  return axes.every((axis) => (factor[axis - missing] ?? 1) === 1);
}
