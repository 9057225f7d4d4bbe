import type { Graph } from '../../ir/graph.ts';

/** A tensor as it passes between the analysis and whatever evaluates its graphs, row-major. */
export interface ProbeTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

export type ProbeTensors = ReadonlyMap<string, ProbeTensor>;

/**
 * Evaluates a graph at a noise step. The same `Graph` object comes again and again, so that an engine may keep what it
 * made of it; inputs that the graph does not have may be among those given.
 */
export type Evaluate = (graph: Graph, inputs: ProbeTensors, step: number) => Promise<ProbeTensors>;

/** Parameters, optimizer state, buffers and hyperparameters by the names of the step's inputs: all but the batch. */
export type ProbePoint = ProbeTensors;

/** A probe minibatch under the names of the step's batch inputs, and a name to cite it by. */
export interface ProbeBatch {
  readonly name: string;
  readonly tensors: ProbeTensors;
}

/**
 * What an error is measured against: `real`, the step in real arithmetic; `quantized_point`, the exact gradient where the
 * quantized forward pass is, so that only sites of B count.
 */
export type Reference = 'real' | 'quantized_point';

/**
 * `logits` and `loss`; `gradient`, all parameters' concatenated; `gradient:NAME`, one parameter's; `update`, the new
 * parameters less the old ones, concatenated.
 */
export type Quantity = string;

/**
 * Variance of a rounding to nearest, which is no random variable: `uniform`, step²/12 off the grid; `error`, the square of
 * the very rounding error, whose sign alone is taken as random. Both are models.
 */
export type NearestModel = 'uniform' | 'error';

export interface ProbabilityOptions {
  readonly reference: Reference;
  /** Probability of the quantile, 0.99 unless stated. */
  readonly probability?: number;
  /** Passes of random signs for each mean, 16 unless stated and at least 2. */
  readonly passes?: number;
  /** Whether relu masks and pool winners may switch; without them the prediction is first order and too low for gradients. */
  readonly switches?: boolean;
  readonly nearest?: NearestModel;
  /**
   * Real quantized steps on each batch that the prediction is held against: what is left out of it, such as products of errors, then raises it. As many as passes unless
   * stated, none without switches.
   */
  readonly realSteps?: number;
  /** Seed of the random signs. */
  readonly seed?: number;
  /** Noise step at which the forward pass of `quantized_point` is taken, and the step's own random inputs are drawn. */
  readonly step?: number;
}

/** The error of one quantity on one batch, in the 2-norm. */
export interface QuantityPrediction {
  /** 2-norm of the quantity itself at the reference. */
  readonly norm: number;
  /** Root of the expected squared error. */
  readonly rms: number;
  /** 2-norm of the expected error: what switches and saturation shift. */
  readonly bias: number;
  /** Bound of the p-quantile by Cantelli's inequality on mean and variance of the squared norm. */
  readonly quantile: number;
  /** Standard deviation of the squared norm. */
  readonly deviation: number;
  /** By how much real steps raised all of these: how many times the root mean square that passes predicted they show beyond doubt; at least 1. */
  readonly raised: number;
}

export interface BatchPrediction {
  readonly batch: string;
  readonly quantities: ReadonlyMap<Quantity, QuantityPrediction>;
}
