import { sameShape, type TensorType } from '../ir/graph.ts';

/** What the type rules of the ops share. A mismatch is a mistake of ours: user errors were found before lowering. */

interface Tuples<T> {
  readonly 0: readonly [];
  readonly 1: readonly [T];
  readonly 2: readonly [T, T];
  readonly 3: readonly [T, T, T];
}

/** The operands as a tuple of the number that the op takes. */
export function arity<T, N extends keyof Tuples<T>>(operands: readonly T[], count: N): Tuples<T>[N] {
  if (operands.length !== count) throw new Error(`${count} operands are needed, not ${operands.length}`);
  return operands as unknown as Tuples<T>[N];
}

export function f32(shape: readonly number[]): TensorType {
  return { dtype: 'f32', shape };
}

/** The shape of a type that must be f32. */
export function floatShape({ dtype, shape }: TensorType): readonly number[] {
  if (dtype !== 'f32') throw new Error(`an f32 operand is needed, not ${dtype}[${shape}]`);
  return shape;
}

/** The shape that two shapes broadcast to, as NumPy does: aligned at the last axis, a size of 1 is stretched. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): readonly number[] {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const m = a[i - rank + a.length] ?? 1;
    const n = b[i - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) throw new Error(`[${a}] and [${b}] do not broadcast`);
    return m === 1 ? n : m;
  });
}

/** Whether a tensor of shape `from` can be stretched to `to`. */
export function broadcastsTo(from: readonly number[], to: readonly number[]): boolean {
  const missing = to.length - from.length;
  return missing >= 0 && from.every((n, i) => n === 1 || n === to[i + missing]);
}

/** The shape that is left when ascending `axes` are reduced, to 1 where they are kept. */
export function reducedShape(shape: readonly number[], axes: readonly number[], keepDims: boolean): number[] {
  axes.forEach((axis, i) => {
    if (axis <= (axes[i - 1] ?? -1) || axis >= shape.length)
      throw new Error(`[${axes}] are not ascending axes of [${shape}]`);
  });
  return keepDims
    ? shape.map((n, i) => (axes.includes(i) ? 1 : n))
    : shape.filter((_, i) => !axes.includes(i));
}

/** The shape that is left by a reduction over at least one axis: engines take a reduction over none for one over all. */
export function reducedBySome(
  shape: readonly number[],
  axes: readonly number[],
  keepDims: boolean,
): number[] {
  if (axes.length === 0) throw new Error(`there are no axes to reduce [${shape}] over`);
  return reducedShape(shape, axes, keepDims);
}
