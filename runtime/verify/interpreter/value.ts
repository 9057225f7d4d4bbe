/**
 * A tensor in the interpreter: real values computed exactly and rounded once, what any float32 evaluation may be
 * off by, and the integer codes where it is a quantized tensor.
 */
export interface Value {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /**
   * Bound on the absolute difference to a float32 runtime that sums in any order, given the same codes: one
   * number per channel (axis 1 of an activation), or a single one. 0 where accumulation is provably exact.
   */
  readonly error: Float64Array;
  readonly codes?: Codes;
}

export interface Codes {
  readonly data: Int32Array;
  /** One scale, or one per index of `axis`. */
  readonly scale: Float64Array;
  readonly axis: number;
  /** The smallest and largest code that can occur, whatever the input. */
  readonly range: readonly [low: number, high: number];
}

/** Unit roundoff of float32. */
export const UNIT = 2 ** -24;

/** `γ_n = n·u / (1 − n·u)`: relative error of a sum of n products in any order (Higham 2002, Lemma 3.1). */
export function gamma(n: number): number {
  return (n * UNIT) / (1 - n * UNIT);
}

export function exact(shape: readonly number[], data: Float64Array): Value {
  return { shape, data, error: new Float64Array(1) };
}

/** The error bound of a channel. */
export function errorOf(value: Value, channel: number): number {
  return value.error.length === 1 ? (value.error[0] ?? 0) : (value.error[channel] ?? 0);
}

/** The larger of two bounds for each channel, in whichever granularity both need. */
export function combineErrors(a: Value, b: Value, f: (x: number, y: number) => number): Float64Array {
  const length = Math.max(a.error.length, b.error.length);
  return Float64Array.from({ length }, (_, c) => f(errorOf(a, c), errorOf(b, c)));
}

export function isPowerOfTwo(x: number): boolean {
  return x > 0 && Math.log2(x) % 1 === 0;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
