import type { Builder } from '../ir/builder.ts';
import { sameShape, sizeOf, type Value } from '../ir/graph.ts';
import { reducedShape } from './operands.ts';

/** Tensor algebra as IR, shared by the reverse rules of the ops and by lowering. Binary functions broadcast. */

export function add(builder: Builder, a: Value, b: Value): Value {
  return builder.op('add', [a, b], {});
}

export function sub(builder: Builder, a: Value, b: Value): Value {
  return builder.op('sub', [a, b], {});
}

export function mul(builder: Builder, a: Value, b: Value): Value {
  return builder.op('mul', [a, b], {});
}

export function div(builder: Builder, a: Value, b: Value): Value {
  return builder.op('div', [a, b], {});
}

export function neg(builder: Builder, x: Value): Value {
  return builder.op('neg', [x], {});
}

export function sqrt(builder: Builder, x: Value): Value {
  return builder.op('sqrt', [x], {});
}

/** 1 where x > 0, else 0. */
export function step(builder: Builder, x: Value): Value {
  return builder.op('step', [x], {});
}

export function square(builder: Builder, x: Value): Value {
  return mul(builder, x, x);
}

/** `x · factor` for a number known at compile time. */
export function scale(builder: Builder, x: Value, factor: number): Value {
  return factor === 1 ? x : mul(builder, x, builder.constant(factor));
}

/** `x + term` for a number known at compile time. */
export function shift(builder: Builder, x: Value, term: number): Value {
  return term === 0 ? x : add(builder, x, builder.constant(term));
}

export function zerosLike(builder: Builder, x: Value): Value {
  return builder.constant(0, builder.shapeOf(x));
}

export function onesLike(builder: Builder, x: Value): Value {
  return builder.constant(1, builder.shapeOf(x));
}

/** Every axis of x, for reductions to a scalar. */
export function allAxes(builder: Builder, x: Value): number[] {
  return builder.shapeOf(x).map((_, i) => i);
}

/** Sum over ascending axes; over none it is x itself. */
export function sum(builder: Builder, x: Value, axes: readonly number[], keepDims = false): Value {
  return axes.length === 0 ? x : builder.op('sum', [x], { axes, keepDims });
}

/** Arithmetic mean over ascending axes: the sum divided by the count, so that it rounds once after the sum. */
export function mean(builder: Builder, x: Value, axes: readonly number[], keepDims = false): Value {
  const shape = builder.shapeOf(x);
  const count = sizeOf(axes.map((axis) => shape[axis] ?? 1));
  const total = sum(builder, x, axes, keepDims);
  return count === 1 ? total : div(builder, total, builder.constant(count));
}

/** The scalar `Σ aᵢ·bᵢ` of two tensors of one shape. */
export function inner(builder: Builder, a: Value, b: Value): Value {
  const product = mul(builder, a, b);
  return sum(builder, product, allAxes(builder, product));
}

export function reshape(builder: Builder, x: Value, shape: readonly number[]): Value {
  return sameShape(builder.shapeOf(x), shape) ? x : builder.op('reshape', [x], { shape });
}

export function transpose(builder: Builder, x: Value, permutation: readonly number[]): Value {
  return permutation.every((axis, i) => axis === i) ? x : builder.op('transpose', [x], { permutation });
}

export function broadcastTo(builder: Builder, x: Value, shape: readonly number[]): Value {
  return sameShape(builder.shapeOf(x), shape) ? x : builder.op('broadcastTo', [x], { shape });
}

/** The adjoint of broadcasting `shape` to the shape of x: sums over the axes that were stretched. */
export function sumTo(builder: Builder, x: Value, shape: readonly number[]): Value {
  const from = builder.shapeOf(x);
  const missing = from.length - shape.length;
  const axes = from.flatMap((n, i) => (n !== (shape[i - missing] ?? 0) ? [i] : []));
  return reshape(builder, sum(builder, x, axes, missing === 0), shape);
}

/** Undoes the dropping of `axes` by a reduction of a tensor of `shape`: the axes return as 1. */
export function restoreAxes(
  builder: Builder,
  x: Value,
  shape: readonly number[],
  axes: readonly number[],
): Value {
  return reshape(builder, x, reducedShape(shape, axes, true));
}
