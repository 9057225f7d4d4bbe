import { type Distribution, largestStream, type NoiseStream } from '../../ir/noise.ts';
import { poolSize } from '../../numeric/random.ts';
import { DATA_TYPES } from './data-types.ts';
import type { ValueInfoProto } from './schema.ts';

/** An input of a model through which a noise stream comes: f32 of the stream's shape, the stream's slice of its pool. */
export interface NoiseInput {
  readonly input: string;
  readonly stream: string;
  readonly distribution: Distribution;
  readonly shape: readonly number[];
  /** Uniform noise u as `u − ½ + 2⁻²⁵`: numbers of float32, symmetric around 0, none of them ½ away from a whole number. */
  readonly isCentered: boolean;
}

/** Everything that a model's noise is fed by; see `numeric/random.ts` for what to feed. */
export interface NoiseLayout {
  /** Sizes of the pools that the step's streams are slices of. */
  readonly pools: Readonly<Record<Distribution, number>>;
  readonly inputs: readonly NoiseInput[];
}

/** Reads noise streams as inputs of the model. */
export class NoiseInputs {
  readonly #streams: readonly NoiseStream[];
  readonly #declared: ReadonlySet<string>;
  readonly #read = new Map<string, NoiseInput>();

  /** @param streams those of the whole step, which share pools */
  constructor(streams: readonly NoiseStream[]) {
    this.#streams = streams;
    this.#declared = new Set(streams.map(({ stream }) => stream));
  }

  /** Every name that an input may have. */
  get names(): readonly string[] {
    return this.#streams.flatMap(({ stream, distribution }) =>
      distribution === 'uniform' ? [nameOf(stream, false), nameOf(stream, true)] : [nameOf(stream, false)],
    );
  }

  /** The inputs that nodes read. */
  layoutFor(read: ReadonlySet<string>): NoiseLayout {
    const pool = (distribution: Distribution) => {
      const largest = largestStream(this.#streams, distribution);
      return largest === 0 ? 0 : poolSize(largest);
    };
    return {
      pools: { uniform: pool('uniform'), normal: pool('normal') },
      inputs: [...this.#read.values()].filter(({ input }) => read.has(input)),
    };
  }

  read(distribution: Distribution, stream: string, shape: readonly number[], isCentered: boolean): string {
    const input = nameOf(stream, isCentered);
    if (!this.#declared.has(stream)) throw new Error(`the noise stream '${stream}' was not declared`);
    if (!this.#read.has(input)) this.#read.set(input, { input, stream, distribution, shape, isCentered });
    return input;
  }
}

function nameOf(stream: string, isCentered: boolean): string {
  return `noise ${stream}${isCentered ? ', centered' : ''}`;
}

/** Declarations of the inputs of a layout. */
export function noiseDeclarations({ inputs }: NoiseLayout): readonly ValueInfoProto[] {
  const elemType = DATA_TYPES.float.code;
  return inputs.map(({ input, shape }) => {
    const dim = shape.map((n) => ({ dimValue: n }));
    return { name: input, type: { tensorType: { elemType, shape: { dim } } } };
  });
}
