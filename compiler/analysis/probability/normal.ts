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
  let fit = 0.17087277;
  fit = fit * k - 0.82215223;
  fit = fit * k + 1.48851587;
  fit = fit * k - 1.13520398;
  fit = fit * k + 0.27886807;
  fit = fit * k - 0.18628806;
  fit = fit * k + 0.09678418;
  fit = fit * k + 0.37409196;
  fit = fit * k + 1.00002368;
  fit = fit * k - 1.26551223;
  return 0.5 * k * Math.exp(-x * x + fit);
}
