/** The standard normal density φ. */
export function density(x: number): number {
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
}

/**
 * Q(t) = Φ(−t) for t ≥ 0, relative error below 1.2·10⁻⁷: the rational Chebyshev fit of erfc in Numerical Recipes
 * (Press et al., 2nd ed., section 6.2).
 */
export function upperTail(t: number): number {
  const x = t * Math.SQRT1_2;
  const k = 1 / (1 + 0.5 * x);
  const fit = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ].reduceRight((sum, c) => sum * k + c, 0);
  return 0.5 * k * Math.exp(-x * x + fit);
}
