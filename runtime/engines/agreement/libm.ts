/**
 * Accuracy of what IEEE 754 does not require to be rounded correctly, in ulp (one ulp is at most 2u of the result). The engines
 * compute exponentials and logarithms by polynomials of their own; tfjs takes those of float64, which are better than needed.
 */
export const EXP_ULPS = 2;

/** Vectorized square roots may be a Newton step from the hardware's estimate of 1/√x. */
export const SQRT_ULPS = 1;
