/**
 * Upward-rounded arithmetic on non-negative float64 numbers, from which certified upper bounds are built. JavaScript rounds to nearest
 * only, so each result moves at least one ulp up. Error analysis after Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed.,
 * sections 2.2 and 3.1, with the underflow that it leaves out.
 */

/** Unit roundoff of float64. */
export const UNIT_ROUNDOFF = 2 ** -53;

/** The smallest positive float64: twice what one underflowing operation can lose. */
export const SMALLEST = 2 ** -1074;

const SMALLEST_NORMAL = 2 ** -1022;

/** A float64 above every real number that rounds to nearest as `x ≥ 0`. */
export function up(x: number): number {
  // 2u·x is at least one ulp of a normal x, and the smallest number is one ulp of a subnormal one.
  return x + x * (2 * UNIT_ROUNDOFF) + SMALLEST;
}

/** `a + b ≤ addUp(a, b)` for a, b ≥ 0. */
export function addUp(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : up(a + b);
}

/** `a·b ≤ mulUp(a, b)` for a, b ≥ 0. */
export function mulUp(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : up(a * b);
}

/** `√a ≤ sqrtUp(a)` for a ≥ 0. */
export function sqrtUp(a: number): number {
  return a === 0 ? 0 : up(Math.sqrt(a));
}

/**
 * `γ_n = n·u / (1 − n·u)`, rounded up: `|fl(xᵀy) − xᵀy| ≤ γ_n·|x|ᵀ|y|` for n products summed in any order, and a sum of n
 * non-negative terms is at most `1 + γ_n` times its computed value.
 */
export function gamma(n: number): number {
  const nu = n * UNIT_ROUNDOFF;
  if (nu >= 0.5) throw new Error(`no error bound holds for a sum of ${n} terms`);
  return up(up(nu) / (1 - nu));
}

/** An upper bound of a sum of `terms` non-negative numbers from its computed value: additions do not underflow. */
export function sumUp(computed: number, terms: number): number {
  return mulUp(computed, up(1 + gamma(terms)));
}

const view = new DataView(new ArrayBuffer(8));

/** The e with `2^(e−1) ≤ x < 2^e`, for finite x > 0. */
export function exponentOf(x: number): number {
  if (x < SMALLEST_NORMAL) return exponentOf(x * 2 ** 54) - 54;
  view.setFloat64(0, x);
  return ((view.getUint16(0) >> 4) & 0x7ff) - 1022;
}

/** `2^e` as a product of two factors, for |e| ≤ 2100, where one factor could overflow or vanish. */
export function powerFactors(e: number): readonly [number, number] {
  const half = Math.trunc(e / 2);
  return [2 ** half, 2 ** (e - half)];
}

/** `x·2^e ≤ scaleUp(x, e)` for 2⁻³⁰⁰ ≤ x ≤ 2³⁰⁰ or x = 0 and |e| ≤ 1300; Infinity where float64 ends. */
export function scaleUp(x: number, e: number): number {
  if (x === 0) return 0;
  const [a, b] = powerFactors(e);
  const scaled = x * a * b;
  return scaled < SMALLEST_NORMAL ? up(scaled) : scaled;
}
