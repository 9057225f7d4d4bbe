import type { Format, Granularity, Rounding, Scale } from '../numeric/format.ts';
import type { Source, Span } from '../source/source.ts';

/** A spec whose names, shapes, types and annotations all mean something: the input of `lower`. */
export interface CheckedSpec {
  readonly source: Source;
  readonly name: string;
  readonly data: CheckedData;
  readonly model: CheckedModel;
  readonly train: CheckedTrain;
  readonly precision: CheckedPrecision;
  readonly evaluation: CheckedEvaluation;
  readonly experiments: readonly CheckedExperiment[];
  readonly exported: CheckedExport;
}

// ---------------------------------------------------------------------------------------------- data

export type DataSource =
  | { readonly kind: 'mnist' | 'fashion_mnist' | 'cifar10' }
  | { readonly kind: 'glyphs'; readonly samples: number; readonly testSamples: number; readonly seed: number }
  | {
      readonly kind: 'regression';
      readonly samples: number;
      readonly features: number;
      readonly noise: number;
      readonly seed: number;
    }
  /** Path relative to the data folder, already known not to leave it. */
  | { readonly kind: 'csv'; readonly path: string; readonly target: string; readonly header: boolean };

export type Augmentation =
  | { readonly kind: 'crop'; readonly size: number; readonly pad: number }
  | { readonly kind: 'flip' };

export interface CheckedData {
  readonly name: string;
  readonly source: DataSource;
  /** Samples a step and summand reads; `all` reads the whole training set every step. */
  readonly batch: number | 'all';
  /** Samples at the end of the training set that are held out. */
  readonly validation: number;
  /** Upper limit on training samples, the first ones in file order. */
  readonly train: number | undefined;
  readonly augment: readonly Augmentation[];
  /** Shape of one sample. */
  readonly sampleShape: readonly number[];
  readonly target:
    | { readonly kind: 'classes'; readonly count: number }
    | { readonly kind: 'values'; readonly count: number };
  readonly span: Span;
}

// --------------------------------------------------------------------------------------------- model

export interface LayerOptions {
  readonly input: { readonly low: number | undefined; readonly high: number | undefined };
  readonly normalize: { readonly mean: readonly number[]; readonly std: readonly number[] };
  readonly conv: {
    readonly filters: number;
    readonly kernel: readonly [number, number];
    readonly strides: readonly [number, number];
    readonly pads: readonly [number, number, number, number];
    readonly bias: boolean;
  };
  readonly dense: { readonly units: number; readonly bias: boolean };
  readonly batchnorm: { readonly momentum: number; readonly epsilon: number };
  readonly relu: Record<string, never>;
  readonly add: Record<string, never>;
  readonly maxpool: Pooling;
  readonly avgpool: Pooling;
  readonly globalavgpool: Record<string, never>;
  readonly flatten: Record<string, never>;
}

export interface Pooling {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
}

export type LayerKind = keyof LayerOptions;

/** Index into {@link CheckedModel.layers}. */
export type LayerId = number;

export interface Layer<K extends LayerKind = LayerKind> {
  readonly kind: K;
  /** `c1`, `stage1[0].c1`, `relu_2`: unique in the model. */
  readonly path: string;
  readonly inputs: readonly LayerId[];
  readonly options: LayerOptions[K];
  /** Shape of one sample's output, without the batch. */
  readonly shape: readonly number[];
  /** Every element of the output is known to be ≥ 0 (after relu, or an input range that says so). */
  readonly nonNegative: boolean;
  readonly span: Span;
}

export type AnyLayer = { readonly [K in LayerKind]: Layer<K> }[LayerKind];

export interface CheckedModel {
  readonly name: string;
  /** Blocks and repeats inlined, in an order in which inputs come first; `layers[0]` is the input. */
  readonly layers: readonly AnyLayer[];
  readonly result: LayerId;
  /** `init from "…"`: path relative to the spec. */
  readonly initFrom: { readonly path: string; readonly span: Span } | undefined;
  readonly span: Span;
}

// --------------------------------------------------------------------------------------------- train

/** A scalar that depends on training progress; evaluated in float64 on the host once a step. */
export type ScalarSchedule =
  | { readonly kind: 'constant'; readonly value: number }
  /** `to + (from − to)·(1 + cos(π·t/T))/2` */
  | { readonly kind: 'cosine'; readonly from: number; readonly to: number }
  | { readonly kind: 'linear'; readonly from: number; readonly to: number }
  /** `value · factor^⌊epoch/every⌋` */
  | { readonly kind: 'step'; readonly value: number; readonly factor: number; readonly every: number }
  /** Linear from 0 over the first `epochs`, then `after`, whose own time starts there. */
  | { readonly kind: 'warmup'; readonly epochs: number; readonly after: ScalarSchedule };

export type Optimizer =
  | { readonly kind: 'sgd'; readonly lr: ScalarSchedule; readonly weightDecay: number }
  | {
      readonly kind: 'momentum';
      readonly lr: ScalarSchedule;
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weightDecay: number;
    }
  | {
      readonly kind: 'adam' | 'adamw';
      readonly lr: ScalarSchedule;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
    };

/** The Params → Gradient part of T, as composed in the spec. */
export type GradientMorphism =
  | { readonly kind: 'backward' }
  /** What F reads is θ + σ·n, n standard normal; U still updates θ. */
  | { readonly kind: 'noise'; readonly sigma: number; readonly of: GradientMorphism }
  /** Scales the whole gradient so that its 2-norm is at most `norm`. */
  | { readonly kind: 'clip'; readonly norm: number; readonly of: GradientMorphism }
  /** Mean over `count` summands, each of one batch, one after the other or side by side. */
  | { readonly kind: 'accumulate' | 'allreduce'; readonly count: number; readonly of: GradientMorphism };

export interface CheckedTrain {
  readonly loss: 'cross_entropy' | 'mse';
  readonly gradient: GradientMorphism;
  readonly optimizer: Optimizer;
  readonly epochs: number;
  readonly seed: number;
  readonly span: Span;
  /** Spans of the definitions of F, B, U and T, for provenance. */
  readonly spans: { readonly F: Span; readonly B: Span; readonly U: Span; readonly T: Span };
}

// ----------------------------------------------------------------------------------------- precision

/** What stands at a site; `value` is any named value that an annotation put a site at (`relu_1.out`). */
export type SiteKind =
  | 'weights'
  | 'bias'
  | 'in'
  | 'grad'
  | 'weights.grad'
  | 'bias.grad'
  | 'weights.stored'
  | 'bias.stored'
  | 'weights.m'
  | 'weights.v'
  | 'bias.m'
  | 'bias.v'
  | 'out'
  // Batch-norm parameters, which no class annotation touches.
  | 'scale'
  | 'shift'
  | 'scale.grad'
  | 'shift.grad'
  | 'scale.stored'
  | 'shift.stored'
  | 'scale.m'
  | 'scale.v'
  | 'shift.m'
  | 'shift.v';

export interface BitsLimit {
  readonly min: number;
  readonly max: number;
}

export type SiteChoice =
  /** A declared or derived format, and in a few words why: `class annotation`, `preset w4a4g8`, `unsigned: the value is ≥ 0`. */
  | {
      readonly kind: 'format';
      readonly format: Format;
      readonly why: string;
      readonly span: Span | undefined;
    }
  /** To be allocated, within limits; what is not annotated here comes from the level that is chosen. */
  | {
      readonly kind: 'auto';
      readonly granularity: Granularity | undefined;
      readonly rounding: Rounding | undefined;
      readonly scale: Scale | undefined;
      /** The value is never negative: integers of a level lose their sign. */
      readonly nonNegative: boolean;
      readonly limit: BitsLimit;
      readonly span: Span | undefined;
    };

export interface Site {
  /** `c1.weights`; unique. */
  readonly name: string;
  readonly kind: SiteKind;
  readonly layer: LayerId;
  /** Other layers that read the same quantized value (`in` sites of a value with several readers). */
  readonly alsoReadBy: readonly LayerId[];
  readonly choice: SiteChoice;
}

export interface Requirement {
  readonly quantity: 'gradient' | 'each gradient' | 'logits' | 'loss' | 'update';
  readonly norm: 'l2' | 'linf';
  readonly relativeTo: 'norm' | 'noise_floor' | { readonly declared: number };
  readonly reference: 'real' | 'quantized_point';
  readonly bound: number;
  readonly probability: number | undefined;
  readonly span: Span;
}

/** One level of `levels { … }`: the format of each class at that width. */
export interface Level {
  readonly bits: number;
  readonly weights: Format;
  readonly activations: Format;
  readonly gradients: Format;
  readonly span: Span;
}

/** A schedule's numbers: `{ value, unit }` as written, or a word. */
export type ScheduleValue =
  | {
      readonly kind: 'quantity';
      readonly value: number;
      readonly unit: 'percent' | 'epochs' | 'steps' | 'bits' | 'none';
      readonly at: number | undefined;
    }
  | { readonly kind: 'word'; readonly word: string };

export interface CheckedSchedule {
  readonly name: string;
  readonly entries: ReadonlyMap<string, ScheduleValue>;
  readonly span: Span;
}

export interface CheckedPrecision {
  /** Every site of the model, in the order of F, B, U; nothing is silently f32. */
  readonly sites: readonly Site[];
  readonly levels: readonly Level[];
  readonly ties: readonly { readonly sites: readonly string[]; readonly span: Span }[];
  readonly requirements: readonly Requirement[];
  readonly cost:
    | { readonly kind: 'bit_operations' | 'bops' | 'bytes' }
    | { readonly kind: 'per_layer'; readonly costs: ReadonlyMap<string, number> };
  readonly schedules: readonly CheckedSchedule[];
}

// ---------------------------------------------------------------------------- evaluation, experiment, export

export interface CheckedEvaluation {
  /** Weight formats to evaluate the trained model at. */
  readonly weights: readonly Format[];
  /** Standard deviations of weight noise to evaluate under. */
  readonly noise: readonly number[];
}

export interface CheckedExperiment {
  readonly name: string;
  readonly methods: readonly {
    readonly name: string;
    readonly args: ReadonlyMap<string, number | string>;
    readonly span: Span;
  }[];
  readonly seeds: readonly number[];
  readonly budgets: readonly {
    readonly name: string;
    readonly epochs: number | undefined;
    readonly train: number | undefined;
  }[];
  readonly span: Span;
}

export interface CheckedExport {
  readonly opset: number;
  readonly scheme: 'qdq';
}
