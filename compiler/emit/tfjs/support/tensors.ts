import * as tf from '@tensorflow/tfjs-core';
import { uniforms } from '../../../numeric/random.ts';

/** Tensors by group and name. */
export type TensorGroups = Readonly<Record<string, Readonly<Record<string, tf.Tensor>>>>;

/** Uniform in ±bound; every element is a function of (seed, name, index). */
export function uniformTensor(seed: number, name: string, shape: number[], bound: number): tf.Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    uniforms(seed, name, 0, count).map((u) => (2 * u - 1) * bound),
    shape,
  );
}

/** Frees the tensors of `old` that are not among those of `next`. */
export function release(old: TensorGroups, next: TensorGroups = {}): void {
  const kept = new Set(Object.values(next).flatMap((group) => Object.values(group)));
  for (const group of Object.values(old)) {
    for (const tensor of Object.values(group)) if (!kept.has(tensor)) tensor.dispose();
  }
}
