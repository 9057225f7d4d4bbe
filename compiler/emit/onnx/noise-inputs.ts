import { sizeOf } from '../../ir/graph.ts';
import { type Distribution, largestStream, type NoiseStream } from '../../ir/noise.ts';
import { poolSize } from '../../numeric/random.ts';
import { DATA_TYPES, type DataTypeName } from './data-types.ts';
import type { GraphWriter } from './graph-writer.ts';
import type { ValueInfoProto } from './schema.ts';

/** Inputs of a model through which its noise comes; see `numeric/random.ts` for what to feed. */
export interface NoiseLayout {
  /** f32[size]: the pool of the step. */
  readonly uniform?: { readonly input: string; readonly size: number };
  /** The uniform pool u as `u − ½ + 2⁻²⁵`: numbers of float32, symmetric around 0, none of them ½ away from a whole number. */
  readonly centered?: { readonly input: string; readonly size: number };
  readonly normal?: { readonly input: string; readonly size: number };
  /** i64[streams]: where each stream's slice of its pool starts at the step. */
  readonly offsets?: { readonly input: string; readonly streams: readonly NoiseStream[] };
}

/** Reads noise streams as slices of pools that are inputs of the model. */
export class NoiseInputs {
  readonly #layout: NoiseLayout;
  readonly #read = new Map<string, string>();
  /** By stream, its place among the offsets. */
  readonly #places: ReadonlyMap<string, number>;

  constructor(streams: readonly NoiseStream[]) {
    this.#places = new Map(streams.map(({ stream }, place) => [stream, place]));
    const pool = (distribution: Distribution) => {
      const largest = largestStream(streams, distribution);
      return largest === 0
        ? {}
        : { [distribution]: { input: `noise.${distribution}`, size: poolSize(largest) } };
    };
    const uniform = pool('uniform').uniform;
    this.#layout = {
      ...(uniform ? { uniform, centered: { ...uniform, input: `${uniform.input}.centered` } } : {}),
      ...pool('normal'),
      ...(streams.length === 0 ? {} : { offsets: { input: 'noise.offsets', streams } }),
    };
  }

  /** Every name that an input may have. */
  get names(): readonly string[] {
    return Object.values(this.#layout).map(({ input }) => input);
  }

  /** The inputs that nodes read. */
  layoutFor(read: ReadonlySet<string>): NoiseLayout {
    return Object.fromEntries(Object.entries(this.#layout).filter(([, { input }]) => read.has(input)));
  }

  /** `Reshape(Slice(pool, offset, offset + n))`. */
  read(
    writer: GraphWriter,
    distribution: Distribution | 'centered',
    stream: string,
    shape: readonly number[],
  ): string {
    const key = `${distribution} ${stream}`;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const pool = this.#layout[distribution];
    const { offsets } = this.#layout;
    const index = this.#places.get(stream);
    if (!pool || !offsets || index === undefined)
      throw new Error(`the noise stream '${stream}' was not declared`);
    const stem = `${stream}.noise`;
    const start = writer.node(stem, 'Gather', [offsets.input, writer.constant('int64', [index], [1])]);
    const end = writer.node(stem, 'Add', [start, writer.constant('int64', [sizeOf(shape)], [1])]);
    const values = writer.node(stem, 'Slice', [pool.input, start, end]);
    const result = writer.node(stem, 'Reshape', [values, writer.constant('int64', shape, [shape.length])]);
    this.#read.set(key, result);
    return result;
  }
}

/** Declarations of the inputs of a layout. */
export function noiseDeclarations({
  uniform,
  centered,
  normal,
  offsets,
}: NoiseLayout): readonly ValueInfoProto[] {
  return [
    ...[uniform, centered, normal].flatMap((pool) => (pool ? [vector(pool.input, 'float', pool.size)] : [])),
    ...(offsets ? [vector(offsets.input, 'int64', offsets.streams.length)] : []),
  ];
}

function vector(name: string, type: DataTypeName, size: number): ValueInfoProto {
  return {
    name,
    type: { tensorType: { elemType: DATA_TYPES[type].code, shape: { dim: [{ dimValue: size }] } } },
  };
}
