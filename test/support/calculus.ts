import type { Builder } from '../../compiler/ir/builder.ts';
import { type Node, type Origin, sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import { evaluate, type NoiseSource } from '../../compiler/ops/evaluate.ts';
import { noise, real } from './draws.ts';

/** A point at which graphs are evaluated: tensors by input name. */
export type Point = ReadonlyMap<string, NdArray>;

/** Noise that depends on the stream alone. */
export const fixedNoise: NoiseSource = (distribution, stream, shape) =>
  ndarray(shape, (distribution === 'uniform' ? noise : real)(stream, sizeOf(shape)));

/** Provenance of what differentiation makes. */
export function backward(node: Node): Origin {
  return { ...node.origin, phase: 'B' };
}

/** The values of a builder's graph at a point. */
export function valuesAt(builder: Builder, values: readonly Value[], point: Point): NdArray[] {
  const outputs = values.map((value, i) => ({ name: `${i}`, value }));
  return [...evaluate(builder.build('test', outputs), point, fixedNoise).values()];
}

export function dot(a: NdArray, b: NdArray): number {
  return a.data.reduce((sum, x, i) => sum + x * (b.data[i] ?? 0), 0);
}

/** `a + factor·b` */
export function plus(a: NdArray, b: NdArray, factor: number): NdArray {
  return { shape: a.shape, data: a.data.map((x, i) => x + factor * (b.data[i] ?? 0)) };
}

/** The point moved by `factor` times the tangents, which some of its tensors have. */
export function moved(point: Point, tangents: Point, factor: number): Point {
  return new Map(
    [...point].map(([name, x]) => {
      const tangent = tangents.get(name);
      return [name, tangent === undefined ? x : plus(x, tangent, factor)];
    }),
  );
}

const STEP = 1e-5;

/** The derivative of `f` along the tangents by a central difference: errors of about 10⁻¹⁰ where f is smooth. */
export function along(f: (point: Point) => NdArray, point: Point, tangents: Point): NdArray {
  const ahead = f(moved(point, tangents, STEP));
  const behind = f(moved(point, tangents, -STEP));
  const difference = plus(ahead, behind, -1);
  return { shape: difference.shape, data: difference.data.map((x) => x / (2 * STEP)) };
}

/** The largest difference of two tensors relative to their largest magnitude (or 1, if that is less). */
export function distance(a: NdArray, b: NdArray): number {
  if (`${a.shape}` !== `${b.shape}`) throw new Error(`the shapes [${a.shape}] and [${b.shape}] differ`);
  const magnitude = [...a.data, ...b.data].reduce((max, x) => Math.max(max, Math.abs(x)), 1);
  return plus(a, b, -1).data.reduce((max, x) => Math.max(max, Math.abs(x)), 0) / magnitude;
}
