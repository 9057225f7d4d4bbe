import { levelAbove } from './level-above.ts';

/** What the repaired rule reads of one tensor of weights. */
export interface ToleranceLayer {
  /** R, the largest magnitude that the tensor's grid reaches. */
  readonly range: number;
  /** ‖H_ii‖_F of the loss in the tensor. */
  readonly curvature: number;
  /** ‖g_i‖², the unbiased estimate of the full gradient's square, which may come out below zero. */
  readonly gradientSquare: number;
  /** tr Σ_i/B, the variance of a minibatch's gradient. */
  readonly minibatchVariance: number;
}

/**
 * The repaired rule of NumGeom-QAT, `rule: tolerance`, for each tensor alone: `p = 1 + log₂(1 + R·‖H_ii‖_F/(√12·τ·√max(‖g_i‖², tr Σ_i/B)))`,
 * rounded up to a level.
 *
 * Rounding to p bits has the step `R/(2^(p−1) − 1)`; entries that are off by step²/12 in variance, independently, shift the gradient by
 * `‖H_ii‖_F·step/√12` in the root mean square. Keeping that below τ times the gradient, or times the noise that a minibatch
 * has anyway, gives p. Both sides scale with the loss, and the noise keeps the quotient finite as the gradient goes to zero. Switches of relu
 * masks and pool winners are not in a Hessian: measured sensitivities have them, this rule does not.
 *
 * @param tolerance τ
 * @param levels ascending
 */
export function toleranceBits(
  layers: readonly ToleranceLayer[],
  tolerance: number,
  levels: readonly number[],
): readonly number[] {
  return layers.map((layer) => levelAbove(toleranceRequest(layer, tolerance), levels));
}

/** The bits that the repaired rule asks for before levels are taken into account: a real number of at least 1. */
export function toleranceRequest(
  { range, curvature, gradientSquare, minibatchVariance }: ToleranceLayer,
  tolerance: number,
): number {
  const shift = (range * curvature) / Math.sqrt(12);
  if (shift === 0) return 1;
  const allowed = tolerance * Math.sqrt(Math.max(gradientSquare, minibatchVariance, 0));
  return 1 + Math.log2(1 + shift / allowed);
}
