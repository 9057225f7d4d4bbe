import type { Tensor } from 'onnxruntime-node';
import type { NoiseInput, NoiseLayout } from '../../compiler/emit/onnx/noise-inputs.ts';
import { sizeOf } from '../../compiler/ir/graph.ts';
import type { Distribution } from '../../compiler/ir/noise.ts';
import { noisePool, POOL_STEPS, poolOffset } from '../../compiler/numeric/random.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';

/** `u − ½ + 2⁻²⁵` of numbers u that are multiples of 2⁻²⁴ in [0, 1): exact in float32. */
function centered(pool: Float32Array): Float32Array {
  return pool.map((u) => u - 0.5 + 2 ** -25);
}

/** Feeds the noise inputs of a model: each a view of its pool, and pools are drawn anew every {@link POOL_STEPS} steps. */
export class StepNoise {
  readonly #runtime: OnnxRuntime;
  readonly #seed: number;
  readonly #layout: NoiseLayout;
  readonly #pools = new Map<string, Float32Array>();
  #epoch = -1;

  constructor(runtime: OnnxRuntime, layout: NoiseLayout, seed: number) {
    this.#runtime = runtime;
    this.#seed = seed;
    this.#layout = layout;
  }

  feeds(step: number): Record<string, Tensor> {
    const epoch = Math.floor(step / POOL_STEPS);
    if (epoch !== this.#epoch) this.#pools.clear();
    this.#epoch = epoch;
    return Object.fromEntries(this.#layout.inputs.map((input) => [input.input, this.#feed(input, step)]));
  }

  #feed({ stream, distribution, shape, isCentered }: NoiseInput, step: number): Tensor {
    const pool = this.#pool(distribution, isCentered, step);
    const count = sizeOf(shape);
    const start = poolOffset(this.#seed, step, stream, count, pool.length);
    return new this.#runtime.Tensor('float32', pool.subarray(start, start + count), shape);
  }

  #pool(distribution: Distribution, isCentered: boolean, step: number): Float32Array {
    const key = `${distribution} ${isCentered}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const drawn = noisePool(distribution, this.#seed, step, this.#layout.pools[distribution]);
    const pool = isCentered ? centered(drawn) : drawn;
    this.#pools.set(key, pool);
    return pool;
  }
}
