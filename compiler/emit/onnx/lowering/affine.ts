import { type OpNode, sizeOf, type Value } from '../../../ir/graph.ts';
import { padded } from './layout.ts';
import type { Lowering, LoweringRule } from './lowering.ts';

/**
 * `x·s + t` with one s and t a channel is BatchNormalization with mean 0 and variance 1: one pass over x instead of two. It computes
 * `x·(s/√(1 + 0)) + (t − 0·s)`, so each element rounds as in the two passes, or once where multiplication and addition are fused.
 */
export function affine<K extends 'add' | 'sub'>(): LoweringRule<K> {
  return (lowering, node, value) => {
    const [a, b] = node.operands;
    if (a === undefined || b === undefined || !lowering.uses('affine')) return false;
    const orders = node.op === 'add' ? [[a, b] as const, [b, a] as const] : [[a, b] as const];
    return orders.some(([product, shift]) => written(lowering, node, value, product, shift));
  };
}

function written(lowering: Lowering, node: OpNode, value: Value, product: Value, shift: Value): boolean {
  const { graph, values } = lowering;
  const [batch = 1, channels = 1, height = 1, width = 1] = node.type.shape;
  const scaled = graph.nodes[product];
  if (node.type.shape.length !== 4 || scaled?.kind !== 'op' || scaled.op !== 'mul') return false;
  if (lowering.usersOf(product).length !== 1 || !isChannels(lowering, shift, channels)) return false;
  const [a, b] = scaled.operands;
  if (a === undefined || b === undefined) return false;
  const size = sizeOf(node.type.shape);
  const [x, factor] = sizeOf(values.shapeOf(a)) === size ? [a, b] : [b, a];
  if (sizeOf(values.shapeOf(x)) !== size || !values.isInner(x) || !isChannels(lowering, factor, channels))
    return false;
  const vector = (v: Value): string => values.reshaped(values.plain(v), values.shapeOf(v), [channels]);
  const t = node.op === 'sub' ? lowering.op('Neg', [vector(shift)]) : vector(shift);
  const moments = [0, 1].map((n) => lowering.constant('float', new Array<number>(channels).fill(n)));
  const image = lowering.reshape(values.inner(x), [1, channels, height * width * batch]);
  const result = lowering.op('BatchNormalization', [image, vector(factor), t, ...moments], {
    epsilon: { float: 0 },
  });
  values.setInner(value, lowering.reshape(result, [channels, height, width, batch]));
  return true;
}

/** `[C, 1, 1]` or `[1, C, 1, 1]`. */
function isChannels(lowering: Lowering, value: Value, channels: number): boolean {
  const shape = lowering.values.shapeOf(value);
  return sizeOf(shape) === channels && channels > 1 && padded(shape, 4)[1] === channels;
}
