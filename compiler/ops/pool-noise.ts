import type { Graph } from '../ir/graph.ts';
import { sizeOf } from '../ir/graph.ts';
import { ndarray } from '../ir/ndarray.ts';
import { type Distribution, largestStream, noiseStreams } from '../ir/noise.ts';
import { noisePool, POOL_STEPS, poolOffset, poolSize } from '../numeric/random.ts';
import type { NoiseSource } from './evaluate.ts';

/**
 * The noise that every engine gives a graph at a step: a stream is the slice of its distribution's pool at the
 * offset of (seed, step, stream). A pool is sized by the graph's largest stream and kept for as long as it serves.
 */
export function poolNoises(graph: Graph, seed: number): (step: number) => NoiseSource {
  const streams = noiseStreams(graph);
  const sizes = {
    uniform: poolSize(largestStream(streams, 'uniform')),
    normal: poolSize(largestStream(streams, 'normal')),
  };
  const pools = new Map<Distribution, { readonly epoch: number; readonly pool: Float32Array }>();
  const poolAt = (distribution: Distribution, step: number) => {
    const epoch = Math.floor(step / POOL_STEPS);
    const known = pools.get(distribution);
    if (known?.epoch === epoch) return known.pool;
    const pool = noisePool(distribution, seed, step, sizes[distribution]);
    pools.set(distribution, { epoch, pool });
    return pool;
  };
  return (step) => (distribution, stream, shape) => {
    const count = sizeOf(shape);
    const offset = poolOffset(seed, step, stream, count, sizes[distribution]);
    return ndarray(shape, poolAt(distribution, step).subarray(offset, offset + count));
  };
}

/** The noise of one step; see {@link poolNoises}. */
export function poolNoise(graph: Graph, seed: number, step: number): NoiseSource {
  return poolNoises(graph, seed)(step);
}

/** For graphs without noise. */
export const noNoise: NoiseSource = (_, stream) => {
  throw new Error(`the graph reads the noise stream '${stream}'`);
};
