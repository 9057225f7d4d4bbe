import type { QuantityPrediction } from './contract.ts';

/** Inner products of the error vectors of the passes with each other and with the bias; they add over tensors. */
export interface ErrorProducts {
  /** `e_i·e_j`, row-major. */
  readonly gram: Float64Array;
  /** `e_i·b`. */
  readonly cross: Float64Array;
  /** `b·b`. */
  readonly bias: number;
  /** Squared norm of the quantity itself. */
  readonly square: number;
}

type Vector = Float32Array | Float64Array | Int32Array;

export function errorProducts(
  errors: readonly Vector[],
  bias: Vector | undefined,
  value: Vector,
): ErrorProducts {
  const m = errors.length;
  const gram = new Float64Array(m * m);
  errors.forEach((a, i) => {
    for (let j = i; j < m; j++) {
      const product = dot(a, errors[j] ?? a);
      gram[i * m + j] = product;
      gram[j * m + i] = product;
    }
  });
  const cross = Float64Array.from(errors, (e) => (bias ? dot(e, bias) : 0));
  return { gram, cross, bias: bias ? dot(bias, bias) : 0, square: dot(value, value) };
}

/** `E ‖e + b‖²` */
export function expectedSquare({ gram, cross, bias }: ErrorProducts): number {
  const m = cross.length;
  return cross.reduce((sum, _, i) => sum + (gram[i * m + i] ?? 0), 0) / m + bias;
}

/** The products of a concatenation. */
export function sumProducts(all: readonly ErrorProducts[]): ErrorProducts {
  return all.reduce((a, b) => ({
    gram: a.gram.map((x, i) => x + (b.gram[i] ?? 0)),
    cross: a.cross.map((x, i) => x + (b.cross[i] ?? 0)),
    bias: a.bias + b.bias,
    square: a.square + b.square,
  }));
}

/**
 * Root mean square and p-quantile of `‖e + b‖`. With e a sum of many independent terms, the squared norm has mean `tr C + ‖b‖²` and
 * variance `2·tr C² + 4·bᵀCb`, C the covariance, which `(e_i·e_j)²` and `(e_i·b)²` estimate without bias; Cantelli's inequality
 * puts the p-quantile of anything at most `√(p/(1−p))` standard deviations above its mean (`probability-mode.md`, Quantile).
 *
 * @param tails probabilities, with what rare large terms add to that variance; the least bound is taken
 */
export function summarize(
  products: ErrorProducts,
  tails: readonly { readonly probability: number; readonly kurtosis: number }[],
): QuantityPrediction {
  const { gram, cross, bias, square } = products;
  const m = cross.length;
  let pairs = 0;
  for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) if (i !== j) pairs += (gram[i * m + j] ?? 0) ** 2;
  const expected = expectedSquare(products);
  const along = cross.reduce((sum, x) => sum + x * x, 0) / m;
  const gaussian = (2 * pairs) / (m * (m - 1)) + 4 * along;
  const bounds = tails.map(
    ({ probability, kurtosis }) =>
      expected + Math.sqrt((probability / (1 - probability)) * (gaussian + kurtosis)),
  );
  return {
    norm: Math.sqrt(square),
    rms: Math.sqrt(expected),
    bias: Math.sqrt(bias),
    quantile: Math.sqrt(Math.min(...bounds)),
    deviation: Math.sqrt(gaussian + (tails[0]?.kurtosis ?? 0)),
    raised: 1,
  };
}

/** `a − b` */
export function difference(a: Vector, b: Vector): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < result.length; i++) result[i] = (a[i] ?? 0) - (b[i] ?? 0);
  return result;
}

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
