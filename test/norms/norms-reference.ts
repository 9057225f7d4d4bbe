import type { Convolution } from '../../compiler/norms/convolution-axis.ts';
import { type Matrix, matrix } from '../../compiler/norms/matrix.ts';
import type { Bound } from '../../compiler/numeric/bound.ts';

/** What norms are compared with: written another way than the code under test, and slow. */

/** The largest singular value by one-sided Jacobi rotations (Hestenes 1958), good to about 1e-13 of itself. */
export function largestSingularValue({ rows, columns, data }: Matrix): number {
  // Squares of entries must neither overflow nor vanish.
  const unit = Array.from(data).reduce((a, x) => Math.max(a, Math.abs(x)), 0) || 1;
  const column = Array.from({ length: columns }, (_, j) =>
    Array.from({ length: rows }, (_, i) => (data[i * columns + j] ?? 0) / unit),
  );
  const inner = (a: readonly number[], b: readonly number[]) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
    return sum;
  };
  for (let sweep = 0, rotated = true; sweep < 60 && rotated; sweep++) {
    rotated = false;
    for (const [p, a] of column.entries()) {
      for (const b of column.slice(p + 1)) {
        const [alpha, beta, gamma] = [inner(a, a), inner(b, b), inner(a, b)];
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta)) continue;
        rotated = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const c = 1 / Math.sqrt(1 + t * t);
        for (let i = 0; i < rows; i++) {
          const [x, y] = [a[i] ?? 0, b[i] ?? 0];
          a[i] = c * (x - t * y);
          b[i] = c * (t * x + y);
        }
      }
    }
  }
  return unit * Math.max(0, ...column.map((c) => Math.sqrt(inner(c, c))));
}

/** `a·b`. */
export function product(a: Matrix, b: Matrix): Matrix {
  const out = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.columns; j++) {
      let sum = 0;
      for (let t = 0; t < a.columns; t++)
        sum += (a.data[i * a.columns + t] ?? 0) * (b.data[t * b.columns + j] ?? 0);
      out[i * b.columns + j] = sum;
    }
  }
  return matrix(a.rows, b.columns, out);
}

/** The matrix of a convolution, outputs `[O, P, Q]` × inputs `[C, H, W]`. */
export function materialized({ kernel, shape, window, inputSize }: Convolution): Matrix {
  const [filters, channels, kernelHeight, kernelWidth] = shape;
  const [height, width] = inputSize;
  const [top, left, bottom, right] = window.pads;
  const [strideY, strideX] = window.strides;
  const outputHeight = Math.floor((height + top + bottom - kernelHeight) / strideY) + 1;
  const outputWidth = Math.floor((width + left + right - kernelWidth) / strideX) + 1;
  const columns = channels * height * width;
  const out = new Float64Array(filters * outputHeight * outputWidth * columns);
  for (let o = 0; o < filters; o++)
    for (let p = 0; p < outputHeight; p++)
      for (let q = 0; q < outputWidth; q++)
        for (let c = 0; c < channels; c++)
          for (let i = 0; i < kernelHeight; i++)
            for (let j = 0; j < kernelWidth; j++) {
              const [y, x] = [p * strideY + i - top, q * strideX + j - left];
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              const row = (o * outputHeight + p) * outputWidth + q;
              out[row * columns + (c * height + y) * width + x] =
                kernel[((o * channels + c) * kernelHeight + i) * kernelWidth + j] ?? 0;
            }
  return matrix(filters * outputHeight * outputWidth, columns, out);
}

/** A fraction of whole numbers, denominator > 0. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Exactly the square of a bound. */
export function square({ mantissa, exponent }: Bound): Fraction {
  const significand = BigInt(mantissa * 2 ** 52) ** 2n;
  const shift = 2 * (exponent - 52);
  return shift >= 0
    ? { numerator: significand << BigInt(shift), denominator: 1n }
    : { numerator: significand, denominator: 1n << BigInt(-shift) };
}

/** Whether a ≥ b, without rounding. */
export function atLeast(a: Fraction, b: bigint): boolean {
  return a.numerator >= b * a.denominator;
}
