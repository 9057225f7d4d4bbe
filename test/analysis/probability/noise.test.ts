import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundingNoise, scaleIn } from '../../../compiler/analysis/probability/noise.ts';
import type { FloatElement, Format, IntElement } from '../../../compiler/numeric/format.ts';
import { quantizeStochasticValue, quantizeValue } from '../../../compiler/numeric/round.ts';
import { cases } from '../../support/property.ts';

const int = (bits: number, signed = true): IntElement => ({ kind: 'int', bits, signed, narrow: signed });
const float = (
  exponent: number,
  mantissa: number,
  specials: FloatElement['specials'] = 'none',
): FloatElement => ({
  kind: 'float',
  exponent,
  mantissa,
  specials,
});
const ELEMENTS = [
  int(8),
  int(4),
  int(4, false),
  int(2),
  float(3, 0),
  float(2, 1),
  float(4, 3, 'fn'),
  float(5, 10, 'ieee'),
];
const ONE = { shape: [], data: Float64Array.of(1) };

function noiseAt(
  x: number,
  scale: number,
  element: IntElement | FloatElement,
  nearest: 'uniform' | 'error' = 'uniform',
) {
  const tensor = { shape: [1], data: Float64Array.of(x) };
  const at = { shape: [], data: Float64Array.of(scale) };
  const stochastic = roundingNoise(tensor, at, element, 'stochastic', nearest);
  const rounded = roundingNoise(tensor, at, element, 'nearest', nearest);
  return { stochastic, nearest: rounded };
}

describe('the noise of a rounding', () => {
  it('has the mean and variance that stochastic rounding has over all noises', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ELEMENTS),
        fc.double({ min: -4, max: 4, noNaN: true }),
        fc.double({ min: 0.01, max: 2, noNaN: true }),
        (element, x, scale) => {
          const n = 4096;
          let mean = 0;
          let square = 0;
          for (let i = 0; i < n; i++) {
            const e = quantizeStochasticValue(x, scale, (i + 0.5) / n, element) - x;
            mean += e / n;
            square += (e * e) / n;
          }
          const { variance, mean: shift } = noiseAt(x, scale, element).stochastic;
          // A fraction f is seen as a multiple of 1/n.
          const step = Math.max(scale, Math.abs(x));
          expect(Math.abs((shift?.[0] ?? 0) - mean)).toBeLessThan((2 * step) / n + 1e-6 * step);
          expect(Math.abs((variance[0] ?? 0) - (square - mean * mean))).toBeLessThan((4 * step * step) / n);
        },
      ),
      cases(300),
    );
  });

  it('is nothing on the grid', () => {
    for (const element of ELEMENTS) {
      for (const code of [0, 1, 1.5, -2, 3]) {
        const value = quantizeValue(code * 0.1, 0.1, element);
        const { stochastic, nearest } = noiseAt(value, 0.1, element);
        expect([stochastic.variance[0], nearest.variance[0], stochastic.mean?.[0] ?? 0]).toEqual([0, 0, 0]);
      }
    }
    // Pixels: multiples of 1/255 at the scale 1/255, both rounded to float32.
    const scale = { shape: [], data: Float32Array.of(1 / 255) };
    const pixels = { shape: [256], data: Float32Array.from({ length: 256 }, (_, i) => Math.fround(i / 255)) };
    expect(
      roundingNoise(pixels, scale, int(8, false), 'stochastic', 'uniform').variance.every((v) => v === 0),
    ).toBe(true);
  });

  it('models rounding to nearest as uniform, or as its own error with a random sign', () => {
    expect(noiseAt(0.3, 1, int(8)).nearest.variance[0]).toBeCloseTo(1 / 12, 6);
    expect(noiseAt(0.3, 1, int(8), 'error').nearest.variance[0]).toBeCloseTo(0.09, 6);
    // A binade of e2m1 from 2 to 4 has steps of 1.
    expect(noiseAt(2.3, 1, float(2, 1)).nearest.variance[0]).toBeCloseTo(1 / 12, 6);
  });

  it('shifts what saturates to the end of the grid', () => {
    expect(noiseAt(9, 1, int(4)).stochastic.mean?.[0]).toBe(-2);
    expect(noiseAt(-3, 1, int(4, false)).stochastic.mean?.[0]).toBe(3);
  });
});

describe('the scale in another format', () => {
  const x = { shape: [2, 2], data: Float64Array.of(1, -2, 3, 4) };
  const format = (granularity: Format['granularity'], scale: Format['scale']): Format => ({
    element: int(8),
    granularity,
    scale,
    rounding: 'stochastic',
  });
  const planned = { scale: ONE, element: int(8) };

  it('is taken over what shares it', () => {
    const scales = (f: Format, axis: number) => [...scaleIn(x, f, axis, planned).data].map((s) => s * 127);
    expect(scales(format({ kind: 'tensor' }, { kind: 'absmax' }), 0)).toEqual([4]);
    expect(scales(format({ kind: 'channel' }, { kind: 'absmax' }), 0)).toEqual([2, 4]);
    expect(scales(format({ kind: 'channel' }, { kind: 'absmax' }), 1)).toEqual([3, 4]);
    expect(scales(format({ kind: 'group', size: 1 }, { kind: 'absmax' }), 0)).toEqual([1, 2, 3, 4]);
  });

  it('keeps the range of a moving average', () => {
    const moving = format({ kind: 'tensor' }, { kind: 'moving_average', momentum: 0.9 });
    expect(scaleIn(x, { ...moving, element: int(4) }, 1, planned).data[0]).toBeCloseTo(127 / 7);
  });
});
