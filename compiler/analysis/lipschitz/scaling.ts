import { gramInto } from '../../norms/gram.ts';
import { dot, type Evaluation, minimize } from './minimize.ts';

/**
 * Diagonal scalings S that make `λ_max(S⁻¹·C·S⁻¹ + S·G·S)` small, for positive semidefinite C and G of one size. In S² and the bound this is a
 * semidefinite program, so a local minimum is the global one. Nothing here is certified: every positive S is valid where it is used.
 */

/** Logarithms of the scaling with the least trace: `s_i⁴ = C_ii / G_ii`. */
export function balancedScaling(c: Float64Array, g: Float64Array, size: number): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, i) => Math.log((c[i * size + i] ?? 0) / (g[i * size + i] ?? 0)) / 4,
  );
}

/**
 * `F(x) = log tr M^(p+1) / (p+1)` with `M = S⁻¹CS⁻¹ + SGS`, S = diag e^x, p = 2^squarings: the logarithm of λ_max up to
 * `log size / (p+1)`. With `P = M^p / tr M^(p+1)` its gradient is `2·((SGS − S⁻¹CS⁻¹)·P)_ii`.
 */
function smoothedEigenvalue(
  c: Float64Array,
  g: Float64Array,
  size: number,
  squarings: number,
): (x: Float64Array) => Evaluation {
  const m = new Float64Array(size * size);
  const d = new Float64Array(size * size);
  let power: Float64Array = new Float64Array(size * size);
  let spare: Float64Array = new Float64Array(size * size);
  return (x) => {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const at = i * size + j;
        const e = Math.exp((x[i] ?? 0) + (x[j] ?? 0));
        const [below, above] = [(c[at] ?? 0) / e, (g[at] ?? 0) * e];
        m[at] = below + above;
        d[at] = above - below;
      }
    }
    power.set(m);
    let logarithm = Math.log(normalize(power, size));
    for (let k = 0; k < squarings; k++) {
      gramInto(spare, power, size, size);
      [power, spare] = [spare, power];
      logarithm = 2 * logarithm + Math.log(normalize(power, size));
    }
    const trace = dot(m, power, 0, size * size);
    const gradient = new Float64Array(size);
    for (let i = 0; i < size; i++) gradient[i] = (2 * dot(d, power, i * size, (i + 1) * size)) / trace;
    return { value: (logarithm + Math.log(trace)) / (2 ** squarings + 1), gradient };
  };
}

/** Divides by the trace and returns it. */
function normalize(a: Float64Array, size: number): number {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += a[i * size + i] ?? 0;
  for (let i = 0; i < a.length; i++) a[i] = (a[i] ?? 0) / trace;
  return trace;
}

/** Squarings of the stages: the smoothing sharpens as the scaling gets better. */
const STAGES = [1, 3, 5, 7, 9];

/** Logarithms of a scaling that nearly attains the least λ_max, from the balanced one by about `evaluations` evaluations. */
export function optimizedScaling(
  c: Float64Array,
  g: Float64Array,
  size: number,
  evaluations: number,
): Float64Array {
  let x = balancedScaling(c, g, size);
  for (const squarings of STAGES) {
    x = minimize(smoothedEigenvalue(c, g, size, squarings), x, Math.ceil(evaluations / STAGES.length));
  }
  return x;
}
