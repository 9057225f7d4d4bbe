import type { FloatElement, IntElement, Scale } from '../numeric/format.ts';

type None = Record<string, never>;

/** Window of a convolution or pooling over `[N, C, H, W]`; pads are top, left, bottom, right. */
export interface Window {
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
}
export interface PoolWindow extends Window {
  readonly kernel: readonly [number, number];
}

/**
 * Every op of the IR with its attributes. The set is closed under differentiation: each op's `vjp` is written in
 * these ops again. Elementwise binary ops broadcast as NumPy does. Operands and meanings stand with each op in `compiler/ops/`.
 */
export interface OpAttributes {
  // Elementwise
  readonly neg: None;
  readonly abs: None;
  readonly exp: None;
  readonly log: None;
  readonly sqrt: None;
  readonly relu: None;
  /** 1 where x > 0, else 0: the derivative that is chosen for relu. */
  readonly step: None;
  readonly add: None;
  readonly sub: None;
  readonly mul: None;
  readonly div: None;
  readonly minimum: None;
  readonly maximum: None;

  // Shape and reduction
  readonly sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  readonly broadcastTo: { readonly shape: readonly number[] };
  readonly reshape: { readonly shape: readonly number[] };
  readonly transpose: { readonly permutation: readonly number[] };
  readonly slice: { readonly starts: readonly number[]; readonly ends: readonly number[] };
  readonly pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** `[..] i32 → [.., depth] f32`. */
  readonly oneHot: { readonly depth: number };

  // Linear algebra, `[N, C, H, W]` and `[O, C, kH, kW]`
  /** `a[.., m, k] · b[.., k, n]` after the stated transposition of the last two axes. */
  readonly matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** operands x, w */
  readonly conv2d: Window;
  /** operands δ, w: the adjoint of conv2d in x, at the given input height and width. */
  readonly conv2dInputGrad: Window & { readonly inputSize: readonly [number, number] };
  /** operands x, δ: the adjoint of conv2d in w, at the given kernel height and width. */
  readonly conv2dWeightGrad: Window & { readonly kernel: readonly [number, number] };
  /** Sum over each window; average pooling is this times the reciprocal counts. */
  readonly sumPool: PoolWindow;
  readonly sumPoolGrad: PoolWindow & { readonly inputSize: readonly [number, number] };
  /** Maximum over each window; padding never wins. */
  readonly maxPool: PoolWindow;
  /** operands x, δ: sends δ to the first winner (row-major) of each window of x. */
  readonly maxPoolRoute: PoolWindow;
  /** operands x, u (shape of x): picks u at the first winner of each window of x; the adjoint of maxPoolRoute in δ. */
  readonly maxPoolPick: PoolWindow;

  // Compounds that the analysis or the speed gains from
  /** Biased variance over the axes, axes kept as 1. */
  readonly variance: { readonly axes: readonly number[] };
  /** `(x − mean) / √(variance + eps)`, moments of x itself over the axes. */
  readonly standardize: { readonly axes: readonly number[]; readonly epsilon: number };
  /** Over the last axis. */
  readonly softmax: None;
  /** operands logits `[B, K]`, target distribution `[B, K]` → `[B]`. */
  readonly softmaxCrossEntropy: None;

  // Optimizer
  /**
   * operands m, v and the bias corrections `1/(1 − β₁ᵗ)`, `1/(1 − β₂ᵗ)`: Adam's `m̂/(√v̂ + ε)`. The betas say how m and v were averaged, and
   * `exactState` that neither was rounded to fewer bits than float32 on the way: what its bound rests on, not its value.
   */
  readonly adamDirection: {
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly exactState: boolean;
  };

  // Precision
  /** The scale of x on the element's grid, over `axes` (kept as 1); 1 where x is all zero. Constant under differentiation. */
  readonly quantScale: {
    readonly element: IntElement | FloatElement;
    readonly axes: readonly number[];
    readonly kind: Extract<Scale['kind'], 'absmax' | 'power_of_two'>;
  };
  /** operands x, scale (broadcasts to x): the value of x on `scale · grid`, rounded half to even, saturated. */
  readonly quantize: { readonly element: IntElement | FloatElement };
  /** operands x, scale, noise uniform in [0, 1) of x's shape: rounds up with probability equal to the fraction. */
  readonly quantizeStochastic: { readonly element: IntElement | FloatElement };
  /**
   * operands codes (whole numbers held in f32), scale (broadcasts to codes): `codes · scale`. In an exported graph
   * the codes are an integer initializer of this element, 32 bits for biases.
   */
  readonly dequantize: { readonly element: IntElement };
  /** operands x, scale: 1 where rounding x stays on the grid (qmin ≤ q ≤ qmax), 0 where it saturates. */
  readonly quantizeMask: { readonly element: IntElement | FloatElement };
  /** Identity; its cotangent is quantized on the way back. The site of a layer's gradient. */
  readonly quantizeCotangent: {
    readonly element: IntElement | FloatElement;
    readonly axes: readonly number[];
    readonly kind: 'none' | 'absmax' | 'power_of_two';
    /** Noise stream of stochastic rounding; absent where rounding is to nearest. */
    readonly stream?: string;
  };
  /** Uniform in [0, 1), a multiple of 2⁻²⁴, keyed by (seed, step, stream). */
  readonly uniform: { readonly shape: readonly number[]; readonly stream: string };
  /** Standard normal, keyed likewise. */
  readonly normal: { readonly shape: readonly number[]; readonly stream: string };
  /** Identity whose derivative is taken to be zero. */
  readonly stopGradient: None;
}

export type OpName = keyof OpAttributes;
