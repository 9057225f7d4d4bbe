import { levelAbove } from './level-above.ts';

/** What the published rule reads of one layer. */
export interface PaperLayer {
  /** κ_i, the curvature of the loss in the layer's parameters. */
  readonly curvature: number;
  /** ‖θ_i‖₂ */
  readonly parameterNorm: number;
  /** ‖g_i‖₂ */
  readonly gradientNorm: number;
}

/** What the published rule reads of a step. */
export interface PaperSignals {
  /** L_T, the gain of the whole step in its parameters. */
  readonly gain: number;
  /** ‖g‖₂ of all layers together. */
  readonly gradientNorm: number;
  readonly layers: readonly PaperLayer[];
}

/** Bits before they are rounded up to a level: unbounded as gradients go to zero. */
export interface PaperRequest {
  /** `p_min = ⌈log₂(L_T/‖g‖)⌉` */
  readonly minimum: number;
  /** `p_i = ⌈log₂(κ_i·‖θ_i‖/‖g_i‖)⌉ + c` of each layer, which may be negative. */
  readonly layers: readonly number[];
}

/** c, the bits that a layer gets beyond what its curvature asks for. */
const EXTRA_BITS = 4;
/** No layer gets fewer. */
const FEWEST_BITS = 4;

/**
 * The published rule of NumGeom-QAT, `rule: paper`: `p_i ← max(p_min, p_i, 4)` rounded up to a level. Forward and backward of layer i run at
 * p_i, the optimizer at the largest of them.
 *
 * The units do not fit: p_min sets a gain of the step against a gradient, so that scaling the loss by 2ᵏ under an optimizer that does not
 * see the scale takes k bits away, and both logarithms grow without bound as the gradient goes to zero.
 *
 * @param levels ascending
 */
export function paperBits(signals: PaperSignals, levels: readonly number[]): readonly number[] {
  const { minimum, layers } = paperRequest(signals);
  return layers.map((bits) => levelAbove(Math.max(minimum, bits, FEWEST_BITS), levels));
}

/** What the published rule asks for before levels are taken into account. */
export function paperRequest({ gain, gradientNorm, layers }: PaperSignals): PaperRequest {
  return {
    minimum: Math.ceil(log2OfRatio(gain, gradientNorm)),
    layers: layers.map(
      (layer) =>
        Math.ceil(log2OfRatio(layer.curvature * layer.parameterNorm, layer.gradientNorm)) + EXTRA_BITS,
    ),
  };
}

/** The logarithms apart, for a ratio may overflow. A layer without curvature asks for nothing, whatever its gradient. */
function log2OfRatio(numerator: number, denominator: number): number {
  return numerator === 0 ? -Infinity : Math.log2(numerator) - Math.log2(denominator);
}
