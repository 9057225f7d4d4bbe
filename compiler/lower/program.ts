import type { Optimizer, ScalarSchedule } from '../check/checked-spec.ts';
import type { Graph } from '../ir/graph.ts';
import type { FormatPlan } from './plan.ts';

/** How a tensor of the training state starts. */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  /** Uniform in ±bound, keyed by (seed, name); `bound = √(6 / fan-in)`, He et al. 2015 for relu, bounded so that a worst case exists. */
  | { readonly kind: 'uniform'; readonly bound: number };

/** One tensor that lives from step to step. */
export interface StateTensor {
  /** Name of the graph input and of the output that replaces it. */
  readonly name: string;
  readonly role: 'parameter' | 'buffer' | 'state';
  readonly shape: readonly number[];
  readonly initializer: Initializer;
}

/** A scalar input that the host computes in float64 from the step number before each step. */
export type HyperParameter =
  | { readonly name: string; readonly kind: 'schedule'; readonly schedule: ScalarSchedule }
  /** `1 / (1 − βᵗ)`, t counted from 1: Adam's bias correction (Kingma & Ba 2015, Algorithm 1). */
  | { readonly name: string; readonly kind: 'bias_correction'; readonly beta: number };

/** A noise stream that a step reads, with the number of values it takes. */
export interface NoiseStream {
  readonly stream: string;
  readonly distribution: 'uniform' | 'normal';
  readonly size: number;
}

/**
 * One training step T as a graph with everything needed to run it again and again. Inputs by role: `parameter`, `buffer`,
 * `state` (as in {@link StateTensor}), `batch` (`x` of shape `[n, …sample]`; `labels` `i32[n]` or `targets` `f32[n, k]`), `hyper` scalars.
 * Outputs: every state tensor under its own name, `loss` (scalar, mean over the batch) and `logits`.
 */
export interface TrainingProgram {
  readonly name: string;
  readonly step: Graph;
  /** The same step with each gradient as a further output `<parameter>.grad`. */
  readonly stepWithGradients: Graph;
  readonly plan: FormatPlan;
  readonly tensors: readonly StateTensor[];
  readonly hyper: readonly HyperParameter[];
  readonly streams: readonly NoiseStream[];
  readonly optimizer: Optimizer;
  /** Samples that one step reads: the batch times the summands. */
  readonly batch: number;
  readonly sampleShape: readonly number[];
  readonly target: { readonly kind: 'classes' | 'values'; readonly count: number };
}
