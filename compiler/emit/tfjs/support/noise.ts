import * as tf from '@tensorflow/tfjs-core';
import { noisePool, POOL_STEPS, poolOffset } from '../../../numeric/random.ts';

type Distribution = 'uniform' | 'normal';

/** Random tensors of one step, by the name of the stream that reads them. */
export interface Noise {
  /** In [0, 1), each a multiple of 2⁻²⁴. */
  uniform(stream: string, shape: number[]): tf.Tensor;
  /** Standard normal. */
  normal(stream: string, shape: number[]): tf.Tensor;
}

/** Sizes of the two pools from which a program's noise is cut. */
export interface PoolSizes {
  readonly uniform: number;
  readonly normal: number;
}

/** One pool serves many steps, so the last one drawn of each distribution is kept. */
const drawn = new Map<Distribution, { readonly key: string; readonly pool: Float32Array }>();

function pool(distribution: Distribution, seed: number, step: number, size: number): Float32Array {
  const key = `${seed} ${Math.floor(step / POOL_STEPS)} ${size}`;
  const known = drawn.get(distribution);
  if (known?.key === key) return known.pool;
  const fresh = noisePool(distribution, seed, step, size);
  drawn.set(distribution, { key, pool: fresh });
  return fresh;
}

/** The noise of step number `step` (from 0) of the run with the given seed. */
export function noiseAt(seed: number, step: number, sizes: PoolSizes): Noise {
  const cut = (distribution: Distribution, stream: string, shape: number[]): tf.Tensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    const size = sizes[distribution];
    const start = poolOffset(seed, step, stream, count, size);
    return tf.tensor(pool(distribution, seed, step, size).slice(start, start + count), shape);
  };
  return {
    uniform: (stream, shape) => cut('uniform', stream, shape),
    normal: (stream, shape) => cut('normal', stream, shape),
  };
}
