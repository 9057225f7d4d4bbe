import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { norm1, normFrobenius, normInf } from '../../compiler/norms/entrywise.ts';
import { type Matrix, matrix } from '../../compiler/norms/matrix.ts';
import { spectralNorm } from '../../compiler/norms/spectral.ts';
import { spectralNormLower } from '../../compiler/norms/spectral-lower.ts';
import { TWIDDLE_ERROR, unitRoots } from '../../compiler/norms/twiddle.ts';
import {
  compare,
  divide,
  fromNumber,
  min,
  multiply,
  sqrt,
  toNumber,
  ZERO,
} from '../../compiler/numeric/bound.ts';
import { normals } from '../../compiler/numeric/random.ts';
import { cases } from '../support/property.ts';
import { atLeast, largestSingularValue, square } from './norms-reference.ts';

const entry = fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.constantFrom(0, 1, -1, 1e-9, 3e-170));
const matrices: fc.Arbitrary<Matrix> = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
  .chain(([rows, columns]) =>
    fc
      .array(entry, { minLength: rows * columns, maxLength: rows * columns })
      .map((data) => matrix(rows, columns, data)),
  );

const scaled = ({ rows, columns, data }: Matrix, factor: number) =>
  matrix(
    rows,
    columns,
    Array.from(data, (x) => x * factor),
  );

function gaussian(rows: number, columns: number, seed: number): Matrix {
  return matrix(rows, columns, normals(seed, 'weights', 0, rows * columns));
}

/** Bound over reference. */
const ratio = (a: Matrix) => toNumber(spectralNorm(a)) / largestSingularValue(a);

describe('the 2-norm of a dense matrix', () => {
  it('is bounded from above, closely, and from below', () => {
    fc.assert(
      fc.property(matrices, (a) => {
        // As bounds: the 2-norm of subnormal entries is not a float64, nor is anything within 0.1 % of it.
        const unit = 2 ** (Math.max(...Array.from(a.data, Math.abs)) < 2 ** -500 ? 600 : 0);
        const truth = largestSingularValue(scaled(a, unit));
        const times = (factor: number) => divide(fromNumber(truth * factor), fromNumber(unit));
        const bound = spectralNorm(a);
        expect(compare(bound, times(1 - 1e-13))).toBeGreaterThanOrEqual(0);
        expect(compare(bound, times(1.001))).toBeLessThanOrEqual(0);
        const lower = spectralNormLower(a);
        expect(compare(lower, times(1 + 1e-13))).toBeLessThanOrEqual(0);
        expect(compare(lower, bound)).toBeLessThanOrEqual(0);
      }),
      cases(300),
    );
  });

  it.each([
    [50, 10],
    [16, 16],
    [10, 60],
    [40, 40],
  ])('of %i×%i Gaussian weights is within 0.1 %', (rows, columns) => {
    const a = gaussian(rows, columns, 3);
    expect(ratio(a)).toBeGreaterThanOrEqual(1 - 1e-13);
    expect(ratio(a)).toBeLessThanOrEqual(1.001);
    expect(toNumber(spectralNormLower(a))).toBeGreaterThan(0.99 * largestSingularValue(a));
  });

  it('converges to the norm as squarings are added, and is valid after each', () => {
    const a = gaussian(20, 20, 5);
    const truth = largestSingularValue(a);
    const bounds = [0, 1, 2, 4, 8, 16].map((squarings) =>
      toNumber(spectralNorm(a, { squarings, tolerance: 0 })),
    );
    for (const [i, bound] of bounds.entries()) {
      expect(bound).toBeGreaterThanOrEqual(truth * (1 - 1e-13));
      expect(bound).toBeLessThanOrEqual(bounds[i - 1] ?? Number.POSITIVE_INFINITY);
    }
    expect((bounds.at(-1) ?? 0) / truth - 1).toBeLessThan(1e-5);
  });

  it('never exceeds the norms of entries', () => {
    fc.assert(
      fc.property(matrices, (a) => {
        const others = min(normFrobenius(a.data), sqrt(multiply(norm1(a), normInf(a))));
        // Each is rounded up by a few units of its own.
        expect(toNumber(spectralNorm(a))).toBeLessThanOrEqual(toNumber(others) * (1 + 1e-14));
      }),
      cases(200),
    );
  });

  it('scales with powers of two and is that of the transpose', () => {
    fc.assert(
      fc.property(matrices, fc.integer({ min: -300, max: 300 }), (a, k) => {
        const exact = matrix(a.rows, a.columns, Array.from(a.data, Math.fround));
        const power = fromNumber(2 ** k);
        expect(spectralNorm(scaled(exact, 2 ** k))).toEqual(multiply(power, spectralNorm(exact)));
      }),
      cases(100),
    );
    const a = gaussian(9, 30, 8);
    const transpose = matrix(
      30,
      9,
      Array.from({ length: 270 }, (_, at) => a.data[(at % 9) * 30 + Math.floor(at / 9)] ?? 0),
    );
    expect(spectralNorm(transpose)).toEqual(spectralNorm(a));
  });

  describe('where it is known exactly, in rational arithmetic', () => {
    const whole = fc.integer({ min: -(2 ** 26), max: 2 ** 26 });
    const list = (length: number) => fc.array(whole, { minLength: length, maxLength: length });

    it('rank one: ‖u·vᵀ‖ = ‖u‖·‖v‖', () => {
      fc.assert(
        fc.property(list(5), list(3), (u, v) => {
          const bound = spectralNorm(
            matrix(
              5,
              3,
              u.flatMap((x) => v.map((y) => x * y)),
            ),
          );
          const squares = (xs: readonly number[]) => xs.reduce((sum, x) => sum + BigInt(x) ** 2n, 0n);
          const truth = squares(u) * squares(v);
          expect(atLeast(square(bound), truth)).toBe(true);
          expect(toNumber(bound)).toBeLessThanOrEqual(Math.sqrt(Number(truth)) * (1 + 1e-12));
        }),
        cases(100),
      );
    });

    it('diagonal: the largest entry', () => {
      fc.assert(
        fc.property(list(6), (d) => {
          const data = new Float64Array(36);
          for (const [i, x] of d.entries()) data[7 * i] = x;
          const largest = d.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
          const bound = spectralNorm(matrix(6, 6, data));
          expect(atLeast(square(bound), BigInt(largest) ** 2n)).toBe(true);
          expect(toNumber(bound)).toBeLessThanOrEqual(largest * (1 + 1e-14));
        }),
        cases(100),
      );
    });

    it('Hadamard matrices, √n times orthogonal', () => {
      let data = [1];
      for (let n = 1; n <= 32; n *= 2) {
        const bound = spectralNorm(matrix(n, n, data));
        expect(atLeast(square(bound), BigInt(n))).toBe(true);
        expect(toNumber(bound)).toBeLessThanOrEqual(Math.sqrt(n) * (1 + 1e-12));
        const size = n;
        const old = data;
        data = Array.from({ length: 4 * n * n }, (_, at) => {
          const [i, j] = [Math.floor(at / (2 * size)), at % (2 * size)];
          const sign = i >= size && j >= size ? -1 : 1;
          return sign * (old[(i % size) * size + (j % size)] ?? 0);
        });
      }
    });
  });

  it('of rotations is 1', () => {
    for (let k = 0; k < 50; k++) {
      const [c, s] = [Math.cos(k), Math.sin(k)];
      expect(toNumber(spectralNorm(matrix(2, 2, [c, -s, s, c])))).toBeCloseTo(1, 3);
    }
  });

  it('of zeros is 0, whatever the norm', () => {
    const zeros = matrix(3, 4, new Float64Array(12));
    for (const norm of [spectralNorm(zeros), spectralNormLower(zeros), norm1(zeros), normInf(zeros)]) {
      expect(norm).toEqual(ZERO);
    }
    expect(normFrobenius([])).toEqual(ZERO);
  });

  it.each([1e300, 1e-300, Number.MAX_VALUE, 2 ** -1022])('holds at magnitude %d', (magnitude) => {
    const a = scaled(gaussian(6, 6, 2), 2 ** -4);
    const extreme = scaled(a, magnitude);
    const truth = multiply(fromNumber(largestSingularValue(a)), fromNumber(magnitude));
    const bound = spectralNorm(extreme);
    const factor = toNumber(multiply(bound, { mantissa: 1, exponent: -truth.exponent })) / truth.mantissa;
    expect(factor).toBeGreaterThanOrEqual(1 - 1e-13);
    expect(factor).toBeLessThanOrEqual(1.001);
  });

  it('stays finite where the norm passes the largest float64', () => {
    const bound = spectralNorm(matrix(4, 4, new Float64Array(16).fill(Number.MAX_VALUE)));
    expect(toNumber(bound)).toBe(Number.POSITIVE_INFINITY);
    expect(compare(bound, multiply(fromNumber(Number.MAX_VALUE), fromNumber(4)))).toBeGreaterThanOrEqual(0);
    expect(bound.exponent).toBe(1026);
  });

  it('counts subnormal entries, alone and beside large ones', () => {
    const smallest = Number.MIN_VALUE;
    expect(
      compare(spectralNorm(matrix(1, 2, [3 * smallest, 4 * smallest])), fromNumber(5 * smallest)),
    ).toBeGreaterThanOrEqual(0);
    const mixed = spectralNorm(matrix(2, 2, [1e308, smallest, smallest, 0]));
    expect(compare(mixed, fromNumber(1e308))).toBeGreaterThan(0);
  });

  it('refuses what is not finite', () => {
    expect(() => spectralNorm(matrix(1, 2, [1, Number.NaN]))).toThrow('not finite');
    expect(() => normInf(matrix(1, 2, [1, Number.POSITIVE_INFINITY]))).toThrow('not finite');
    expect(() => matrix(2, 2, [1])).toThrow('do not fill');
  });
});

describe('norms that are sums of entries', () => {
  const whole = fc.array(fc.integer({ min: -1e15, max: 1e15 }), { minLength: 12, maxLength: 12 });

  it('are at least the exact sums and within rounding of them', () => {
    fc.assert(
      fc.property(whole, (data) => {
        const magnitudes = data.map((x) => BigInt(Math.abs(x)));
        const sum = (xs: readonly bigint[]) => xs.reduce((a, b) => a + b, 0n);
        const largest = (xs: readonly bigint[]) => xs.reduce((a, b) => (a > b ? a : b), 0n);
        const rows = [0, 1, 2].map((i) => sum(magnitudes.slice(4 * i, 4 * i + 4)));
        const columns = [0, 1, 2, 3].map((j) => sum(magnitudes.filter((_, at) => at % 4 === j)));
        const a = matrix(3, 4, data);
        for (const [norm, exact] of [
          [normInf(a), largest(rows) ** 2n],
          [norm1(a), largest(columns) ** 2n],
          [normFrobenius(data), sum(magnitudes.map((x) => x * x))],
        ] as const) {
          expect(atLeast(square(norm), exact)).toBe(true);
          expect(toNumber(norm)).toBeLessThanOrEqual(Math.sqrt(Number(exact)) * (1 + 1e-14));
        }
      }),
      cases(200),
    );
  });
});

describe('roots of unity', () => {
  it('are within their stated error', () => {
    for (const n of [1, 2, 3, 7, 16, 30, 226]) {
      const { cos, sin } = unitRoots(n);
      for (let j = 0; j < n; j++) {
        // Math.cos is within an ulp here; the angle is reduced first, so that its own rounding stays small.
        const angle = (2 * Math.PI * (2 * j > n ? j - n : j)) / n;
        expect(Math.abs((cos[j] ?? 0) - Math.cos(angle))).toBeLessThan(TWIDDLE_ERROR);
        expect(Math.abs((sin[j] ?? 0) - Math.sin(angle))).toBeLessThan(TWIDDLE_ERROR);
      }
    }
  });
});
