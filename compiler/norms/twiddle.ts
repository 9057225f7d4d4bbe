/** `|cos| and |sin| error of {@link unitRoots}`: three roundings of an angle below π/4 and Horner's rule, within 8u, with room. */
export const TWIDDLE_ERROR = 2 ** -49;

/** Cosines and sines of `2π·j/n` for j = 0 … n − 1. */
export interface UnitRoots {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/**
 * The n-th roots of unity, each part within {@link TWIDDLE_ERROR}. ECMAScript leaves the accuracy of `Math.cos` to the engine, and a
 * certified bound may not rest on it.
 */
export function unitRoots(n: number): UnitRoots {
  const cos = new Float64Array(n);
  const sin = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    // The angle is quadrant·π/2 + rest·π/(2n), where |rest| ≤ n/2: whole numbers, so the reduction is exact.
    const quadrant = Math.round((4 * j) / n);
    const rest = 4 * j - quadrant * n;
    const angle = (rest * (Math.PI / 2)) / n;
    const [c, s] = [cosine(angle), sine(angle)];
    const [x, y] = QUADRANTS[quadrant % 4] ?? QUADRANTS[0];
    cos[j] = x * c - y * s;
    sin[j] = y * c + x * s;
  }
  return { cos, sin };
}

/** Cosine and sine of whole quarter turns. */
const QUADRANTS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/** Taylor's polynomials to degrees 18 and 19: the next term is below 2⁻⁶³ for |x| ≤ π/4. */
function cosine(x: number): number {
  let sum = 1;
  for (let k = 18; k >= 2; k -= 2) sum = 1 - (sum * x * x) / (k * (k - 1));
  return sum;
}

function sine(x: number): number {
  let sum = 1;
  for (let k = 18; k >= 2; k -= 2) sum = 1 - (sum * x * x) / (k * (k + 1));
  return x * sum;
}
