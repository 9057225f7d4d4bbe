import type { Tensor } from 'onnxruntime-node';
import type { NoiseLayout } from '../../compiler/emit/onnx/noise-inputs.ts';
import type { Distribution } from '../../compiler/ir/noise.ts';
import { noisePool, POOL_STEPS, poolOffset } from '../../compiler/numeric/random.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';

interface Pool {
  readonly input: string;
  readonly distribution: Distribution;
  readonly size: number;
  readonly isCentered: boolean;
}

/** `u − ½ + 2⁻²⁵` of numbers u that are multiples of 2⁻²⁴ in [0, 1): exact in float32. */
function centered(pool: Float32Array): Float32Array {
  return pool.map((u) => u - 0.5 + 2 ** -25);
}

/** Feeds the noise inputs of a model: pools, drawn anew every {@link POOL_STEPS} steps, and each stream's offset. */
export class StepNoise {
  readonly #runtime: OnnxRuntime;
  readonly #seed: number;
  readonly #pools: readonly Pool[];
  readonly #offsets: NoiseLayout['offsets'];
  #epoch = -1;
  #drawn: Readonly<Record<string, Tensor>> = {};

  constructor(runtime: OnnxRuntime, layout: NoiseLayout, seed: number) {
    this.#runtime = runtime;
    this.#seed = seed;
    this.#pools = (['uniform', 'centered', 'normal'] as const).flatMap((kind) => {
      const pool = layout[kind];
      const distribution = kind === 'centered' ? 'uniform' : kind;
      return pool ? [{ ...pool, distribution, isCentered: kind === 'centered' }] : [];
    });
    this.#offsets = layout.offsets;
  }

  feeds(step: number): Record<string, Tensor> {
    if (this.#offsets === undefined) return {};
    const { Tensor: OrtTensor } = this.#runtime;
    const epoch = Math.floor(step / POOL_STEPS);
    if (epoch !== this.#epoch) {
      this.#drawn = Object.fromEntries(
        this.#pools.map(({ input, distribution, size, isCentered }) => {
          const drawn = noisePool(distribution, this.#seed, step, size);
          return [input, new OrtTensor('float32', isCentered ? centered(drawn) : drawn, [size])];
        }),
      );
      this.#epoch = epoch;
    }
    const { input, streams } = this.#offsets;
    const offsets = BigInt64Array.from(streams, ({ stream, distribution, size }) => {
      const pool = this.#pools.find((p) => p.distribution === distribution);
      return BigInt(poolOffset(this.#seed, step, stream, size, pool?.size ?? 0));
    });
    return { ...this.#drawn, [input]: new OrtTensor('int64', offsets, [offsets.length]) };
  }
}
