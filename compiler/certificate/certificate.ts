/**
 * What is known of the error of one assignment of formats, as data: what a certifier recomputes or checks, and what a reader
 * may rely on. It speaks of the parameters that it names and of no others.
 */
export interface Certificate {
  readonly kind: 'qspec certificate';
  readonly version: 1;
  /** Version of the tool that made it. */
  readonly tool: string;
  readonly spec: SpecStatement;
  /** SHA-256 of `formats`, see `planHash`. */
  readonly plan: string;
  readonly parameters: ParametersStatement;
  /** Every site's format as the language writes it, f32 included. */
  readonly formats: Readonly<Record<string, string>>;
  readonly requirements: readonly RequirementStatement[];
  readonly worst_case?: WorstCaseStatement;
  /** One for each reference and probability that requirements speak of. */
  readonly probability?: readonly ProbabilityStatement[];
  /** SHA-256 of all the rest in its canonical form, see `digestOf`. */
  readonly digest: string;
}

/** A certificate before it is sealed. */
export type CertificateBody = Omit<Certificate, 'kind' | 'version' | 'plan' | 'digest'>;

export interface SpecStatement {
  readonly name: string;
  /** Of the text, in UTF-8. */
  readonly sha256: string;
}

/** The parameters and optimizer state that the certificate is about. */
export type ParametersStatement =
  /** Drawn from a seed. */
  | { readonly kind: 'initial'; readonly seed: number }
  /** Whatever the initializers may draw. */
  | { readonly kind: 'any_initial' }
  /** Of a file: SHA-256 of its tensors, in their order, as a safetensors file without metadata; the steps taken. */
  | { readonly kind: 'checkpoint'; readonly sha256: string; readonly step: number };

export type ReferenceName = 'real' | 'quantized_point';
export type DenominatorName = 'norm' | 'noise_floor';

/** A requirement of the spec, and by which mode it is said to hold. */
export interface RequirementStatement {
  readonly quantity: 'gradient' | 'each gradient' | 'logits' | 'loss' | 'update';
  readonly norm: 'l2' | 'linf';
  readonly reference: ReferenceName;
  /** A number is a denominator that the spec declares. */
  readonly relative_to: DenominatorName | number;
  readonly tolerance: number;
  /** Absent of a requirement for the worst case. */
  readonly probability?: number;
  readonly mode: 'worst_case' | 'probability';
  /** For a worst case relative to something measured: the measured value, by quantity (`gradient`, `c1.weights.grad`). */
  readonly denominators?: Readonly<Record<string, number>>;
}

/**
 * A bound as a decimal, rounded up: `0.0124`, `1.24e+4012`, `unbounded`. Bounds of deep nets pass the range of JSON's usual readers.
 */
export type Decimal = string;

/** Of the largest element, and of the 2-norm of the whole tensor. */
export interface Norms {
  readonly inf: Decimal;
  readonly two: Decimal;
}

/** Bounds for every rounding and every input in range. */
export interface WorstCaseStatement {
  /** Componentwise and spectral bounds, the smaller at every value. */
  readonly domain: 'meet';
  /** Of the real value of each named tensor, see `namedTensors`. */
  readonly ranges: Readonly<Record<string, Norms>>;
  readonly coefficients: {
    /** By site: only of sites that round. */
    readonly quantizers: Readonly<Record<string, QuantizerStatement>>;
    /** Norms of the linear map that a layer's real weights are, by parameter. */
    readonly weights: Readonly<Record<string, WeightNorms>>;
    /** Of each matrix product and convolution, see `namedProducts`. */
    readonly products: Readonly<Record<string, AccumulationStatement>>;
  };
  readonly bounds: Readonly<Partial<Record<ReferenceName, Readonly<Record<string, BoundStatement>>>>>;
}

/** `|Q(x) − x| ≤ relative·max|x| + absolute`, within the range of the format. */
export interface QuantizerStatement {
  readonly relative: Decimal;
  readonly absolute: Decimal;
}

export interface WeightNorms {
  readonly inf: Decimal;
  readonly two: Decimal;
  readonly two_to_inf: Decimal;
  readonly one: Decimal;
}

export interface AccumulationStatement {
  /** Products in one sum. */
  readonly terms: number;
  /** γ of so many roundings to float32. */
  readonly gamma: Decimal;
}

/** Of one quantity: logits of one sample, the rest of the step. */
export interface BoundStatement {
  readonly error: Norms;
  readonly range: Norms;
}

/**
 * Errors with a probability, at the parameters and on the batches that are named. Coefficients are measured ones for the formats of this
 * certificate: a certifier recomputes from them what is predicted, and cannot measure them again without the data.
 */
export interface ProbabilityStatement {
  readonly reference: ReferenceName;
  readonly probability: number;
  /** What stands for the variance of rounding to nearest. */
  readonly nearest: 'uniform' | 'error';
  /** Passes of random signs behind each coefficient, and their seed. */
  readonly passes: number;
  readonly seed: number;
  readonly batches: readonly ModelStatement[];
  /** `√max(‖g‖², tr Σ/B)` over the batches. */
  readonly noise_floor: Readonly<Record<string, number>>;
  readonly confirmation?: ConfirmationStatement;
}

/** The model of the error on one batch. */
export interface ModelStatement {
  readonly batch: string;
  readonly kinks: readonly KinkStatement[];
  readonly quantities: Readonly<Record<string, ModelledQuantity>>;
}

/** Where masks or winners switch. */
export interface KinkStatement {
  readonly name: string;
  /** Variance of what reaches it, at the formats at which the model was measured. */
  readonly measured: number;
  /** The same at the formats of this certificate, by site. */
  readonly sites: Readonly<Record<string, number>>;
  /** `r = √(Σ sites / measured)`. */
  readonly ratio: number;
}

/** A curve over `log₂ r`, by its values at the two integers around r, of which the lower is `exponent`. */
export interface CurveStatement {
  readonly exponent: number;
  readonly low: number;
  readonly high: number;
}

/** A curve that is read in proportion to its value at r = 1. */
export interface GrowthStatement extends CurveStatement {
  readonly measured: number;
}

/**
 * `expected = Σ sites + Σ switches + Σᵢⱼ max(0, products)·sᵢ·sⱼ + of_gradient`, `rms = √expected` and `quantile = quantile_factor·rms`.
 */
export interface ModelledQuantity {
  /** 2-norm of the quantity itself. */
  readonly norm: number;
  /** First-order variance by site. */
  readonly sites: Readonly<Record<string, number>>;
  /** Variance of the switches of each kink. */
  readonly switches: readonly CurveStatement[];
  readonly bias: BiasStatement;
  /**
   * Of `update`, which has no switches of its own: what the gradient's error causes, over its rms in units of that where the model was
   * measured. `measured` is the expected squared error of `gradient` there, on the same batch.
   */
  readonly of_gradient?: GrowthStatement;
  readonly quantile_factor: number;
  readonly rms: number;
  readonly quantile: number;
}

/**
 * What switches shift: inner products of the forward remainder and of each kink's backward switches, and what these grow like.
 * `s₀ = √(Σ forward / Σ forward.measured)`, `sₖ = √(backwardₖ / backwardₖ.measured)`.
 */
export interface BiasStatement {
  readonly products: readonly (readonly number[])[];
  readonly forward: readonly GrowthStatement[];
  readonly backward: readonly GrowthStatement[];
}

/** Errors that real quantized steps made at these formats. */
export interface ConfirmationStatement {
  /** Steps a batch, each with noise of its own, numbered from `first_step`. */
  readonly steps: number;
  readonly first_step: number;
  readonly batches: readonly ObservedBatch[];
}

export interface ObservedBatch {
  readonly batch: string;
  readonly quantities: Readonly<Record<string, ObservedQuantity>>;
}

export interface ObservedQuantity {
  readonly norm: number;
  readonly rms: number;
  /** The smallest error that at least the stated share of the steps does not exceed. */
  readonly quantile: number;
  /**
   * The error of every step, ascending. Where they are stated of all batches the share of all steps within the tolerance is judged, else the
   * quantile of each batch.
   */
  readonly errors?: readonly number[];
}
