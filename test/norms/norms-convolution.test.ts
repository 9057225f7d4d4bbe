import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convolutionNorm1, convolutionNorm2, convolutionNormInf } from '../../compiler/norms/convolution.ts';
import type { Convolution } from '../../compiler/norms/convolution-axis.ts';
import { norm1, normInf } from '../../compiler/norms/entrywise.ts';
import { matrix } from '../../compiler/norms/matrix.ts';
import { spectralNorm } from '../../compiler/norms/spectral.ts';
import { spectralNormLower } from '../../compiler/norms/spectral-lower.ts';
import { compare, fromNumber, multiply, toNumber } from '../../compiler/numeric/bound.ts';
import { normals } from '../../compiler/numeric/random.ts';
import { cases } from '../support/property.ts';
import { largestSingularValue, materialized } from './norms-reference.ts';

interface Geometry {
  readonly shape: Convolution['shape'];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly inputSize: readonly [number, number];
}

function gaussian({ shape, strides, pads, inputSize }: Geometry, seed: number): Convolution {
  const size = shape.reduce((a, b) => a * b, 1);
  return { kernel: normals(seed, 'kernel', 0, size), shape, window: { strides, pads }, inputSize };
}

const same = (
  filters: number,
  channels: number,
  size: number,
  kernel = 3,
  stride = 1,
  pad = (kernel - 1) / 2,
): Geometry => ({
  shape: [filters, channels, kernel, kernel],
  strides: [stride, stride],
  pads: [pad, pad, pad, pad],
  inputSize: [size, size],
});

const small = (max: number, min = 1) => fc.integer({ min, max });
const pad = small(2, 0);
const convolutions: fc.Arbitrary<Convolution> = fc
  .record({
    shape: fc.tuple(small(3), small(2), small(4), small(3)),
    strides: fc.tuple(small(3), small(3)),
    pads: fc.tuple(pad, pad, pad, pad),
    inputSize: fc.tuple(small(5), small(5)),
    seed: small(1000),
  })
  .filter(
    ({ shape, pads, inputSize }) =>
      inputSize[0] + pads[0] + pads[2] >= shape[2] && inputSize[1] + pads[1] + pads[3] >= shape[3],
  )
  .map(({ seed, ...geometry }) => gaussian(geometry, seed));

/** The bound over a certified lower bound. */
const ratio = (convolution: Convolution, iterations = 150) =>
  toNumber(convolutionNorm2(convolution)) /
  toNumber(spectralNormLower(materialized(convolution), iterations));

describe('norms of convolutions', () => {
  it('bound those of the materialized matrix, for all strides and pads', () => {
    fc.assert(
      fc.property(convolutions, (convolution) => {
        const whole = materialized(convolution);
        const truth = largestSingularValue(whole);
        const bound = toNumber(convolutionNorm2(convolution));
        expect(bound).toBeGreaterThanOrEqual(truth * (1 - 1e-13));
        // Images that are hardly larger than the kernel are the worst: most of a window lies in the padding.
        expect(bound).toBeLessThanOrEqual(truth * 2.6);
        // Both are exact sums but for upward rounding.
        expect(toNumber(convolutionNormInf(convolution)) / toNumber(normInf(whole)) || 1).toBeCloseTo(1, 13);
        expect(toNumber(convolutionNorm1(convolution)) / toNumber(norm1(whole)) || 1).toBeCloseTo(1, 13);
      }),
      cases(150),
    );
  });

  it.each<[string, Geometry, number]>([
    ['3×3, same padding, 12×12', same(3, 2, 12), 1.03],
    ['3×3, stride 2, 13×13', same(3, 2, 13, 3, 2), 1.06],
    ['3×3, 8 of 6 channels, 10×10', same(8, 6, 10), 1.08],
    ['5×5, 12×12', same(2, 2, 12, 5), 1.12],
    ['1×1', same(4, 3, 5, 1), 1.001],
    ['1×1, stride 2', same(4, 3, 5, 1, 2, 0), 1.001],
    ['2×2 patches', same(4, 3, 8, 2, 2, 0), 1.001],
    ['one window', same(3, 2, 4, 4, 1, 0), 1.001],
  ])('are close to the truth: %s', (_, geometry, limit) => {
    expect(ratio(gaussian(geometry, 4))).toBeLessThanOrEqual(limit);
    expect(ratio(gaussian(geometry, 4))).toBeGreaterThanOrEqual(1);
  });

  it('of a box filter is the sum of its taps, which a constant image nearly attains', () => {
    const box = { ...gaussian(same(1, 1, 24), 1), kernel: new Array(9).fill(1 / 9) };
    const bound = toNumber(convolutionNorm2(box));
    expect(bound).toBeGreaterThanOrEqual(1 - 1e-15);
    expect(bound).toBeLessThan(1 + 1e-10);
  });

  it('fall back on the unfolded kernel where the transform would take minutes', () => {
    // 256 × 256 channels at 34 × 34 frequencies. Each channel is scaled by itself, so that the norm is known.
    const vector = normals(6, 'vector', 0, 256);
    const kernel = new Float32Array(256 * 256 * 9);
    for (let o = 0; o < 256; o++) {
      for (let c = 0; c < 256; c++) kernel[(o * 256 + c) * 9 + 4] = o === c ? (vector[o] ?? 0) : 0;
    }
    const bound = convolutionNorm2({ ...gaussian(same(1, 1, 32), 1), shape: [256, 256, 3, 3], kernel });
    const largest = vector.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    // The interpolated norm is exact here.
    expect(toNumber(bound) / largest).toBeGreaterThanOrEqual(1);
    expect(toNumber(bound) / largest).toBeLessThan(1 + 1e-12);
  });

  it.each([1e300, 1e-300, Number.MIN_VALUE])('hold at magnitude %d', (magnitude) => {
    const kernel = Float64Array.from({ length: 9 }, (_, i) => (i % 2) * magnitude);
    const convolution = { ...gaussian(same(1, 1, 6), 1), kernel };
    const whole = spectralNormLower(materialized(convolution));
    expect(compare(convolutionNorm2(convolution), whole)).toBeGreaterThanOrEqual(0);
    expect(compare(convolutionNorm2(convolution), multiply(whole, fromNumber(1.2)))).toBeLessThanOrEqual(0);
  });

  it('of zero are zero, and a kernel that does not fit is refused', () => {
    const zero = { ...gaussian(same(2, 2, 4), 1), kernel: new Float64Array(36) };
    expect(toNumber(convolutionNorm2(zero))).toBe(0);
    expect(() => convolutionNorm2(gaussian(same(1, 1, 2, 5, 1, 0), 1))).toThrow('does not fit');
  });

  it('of a whole-image kernel are those of the dense layer', () => {
    const convolution = gaussian(same(5, 2, 4, 4, 1, 0), 3);
    const dense = spectralNorm(matrix(5, 32, convolution.kernel));
    expect(toNumber(convolutionNorm2(convolution)) / toNumber(dense)).toBeCloseTo(1, 3);
  });
});
