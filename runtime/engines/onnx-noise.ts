import type { Tensor } from 'onnxruntime-node';
import type { NoiseLayout } from '../../compiler/emit/onnx/noise-inputs.ts';
import type { Distribution } from '../../compiler/ir/noise.ts';
import { noisePool, POOL_STEPS, poolOffset } from '../../compiler/numeric/random.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';

interface Pool {
  readonly input: string;
  readonly distribution: Distribution;
  readonly size: number;
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
    this.#pools = (['uniform', 'normal'] as const).flatMap((distribution) => {
      const pool = layout[distribution];
      return pool ? [{ ...pool, distribution }] : [];
    });
    this.#offsets = layout.offsets;
  }

  feeds(step: number): Record<string, Tensor> {
    if (this.#offsets === undefined) return {};
    const { Tensor: OrtTensor } = this.#runtime;
    const epoch = Math.floor(step / POOL_STEPS);
    if (epoch !== this.#epoch) {
      this.#drawn = Object.fromEntries(
        this.#pools.map(({ input, distribution, size }) => [
          input,
          new OrtTensor('float32', noisePool(distribution, this.#seed, step, size), [size]),
        ]),
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
