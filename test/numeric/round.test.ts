import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FloatElement, IntElement } from '../../compiler/numeric/format.ts';
import { codeRange, gridMax, maxFinite } from '../../compiler/numeric/format.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import {
  binade,
  MAX_SCALE,
  MIN_SCALE,
  onGrid,
  quantizeCode,
  quantizeStochasticValue,
  quantizeValue,
  roundHalfEven,
  scaleOf,
  staysOnGrid,
} from '../../compiler/numeric/round.ts';
import { FLOATS, type FloatCode, floatCodes } from '../support/float-codes.ts';
import { cases } from '../support/property.ts';

const INT4: IntElement = { kind: 'int', bits: 4, signed: true, narrow: true };
const UINT8: IntElement = { kind: 'int', bits: 8, signed: false, narrow: false };
const NAMED_FLOATS = Object.entries(FLOATS);

const finite32 = fc.float({ noNaN: true, noDefaultInfinity: true });

describe('rounding to integers', () => {
  test('goes to the nearest, and from the middle to the even one', () => {
    for (let quarter = -4000; quarter <= 4000; quarter++) {
      const x = quarter / 4;
      const below = Math.floor(x);
      const nearest =
        x - below < 0.5 ? below : x - below > 0.5 ? below + 1 : below % 2 === 0 ? below : below + 1;
      expect(roundHalfEven(x)).toBe(x < 0 && nearest === 0 ? -0 : nearest);
    }
    expect(roundHalfEven(0.49999999999999994)).toBe(0);
    expect(roundHalfEven(2 ** 52 + 1)).toBe(2 ** 52 + 1);
    expect(roundHalfEven(-Infinity)).toBe(-Infinity);
    expect(roundHalfEven(Number.NaN)).toBeNaN();
  });

  test('saturates at the ends of the code range', () => {
    expect([-9, -7.5, -7.4, -0.5, 0.5, 1.5, 7.4, 9].map((x) => quantizeCode(x, 1, INT4))).toEqual([
      -7, -7, -7, -0, 0, 2, 7, 7,
    ]);
    expect([-3, 0.2, 255.4, 300].map((x) => quantizeCode(x, 1, UINT8))).toEqual([0, 0, 255, 255]);
  });
});

describe('the power of two below a number', () => {
  test('is exact', () => {
    for (let exponent = -1022; exponent <= 1023; exponent++) {
      const power = 2 ** exponent;
      expect(binade(power)).toBe(power);
      expect(binade(power * (2 - 2 ** -52))).toBe(power);
    }
  });

  // What the engines compute instead; the formula commutes with powers of two, so one binade stands for all.
  test('comes out of float32 additions for every significand', () => {
    let wrong = 0;
    for (let fraction = 0; fraction < 2 ** 23; fraction++) {
      const x = 1 + fraction * 2 ** -23;
      const shifted = x * 2 ** 23;
      const rounded = Math.fround(Math.fround(x + shifted) - shifted);
      if ((rounded > x ? rounded / 2 : rounded) !== 1) wrong++;
    }
    expect(wrong).toBe(0);
  });
});

/** Values at which rounding changes or might: every code, the middles between neighbours and what lies next to these. */
function critical(codes: readonly FloatCode[]): readonly number[] {
  const values = codes.map((c) => c.value);
  return values.flatMap((value, i) => {
    const next = values[i + 1] ?? 2 * value - (values[i - 1] ?? 0);
    const middle = (value + next) / 2;
    return [value, middle, middle * (1 - 2 ** -50), middle * (1 + 2 ** -50), value + (next - value) / 3];
  });
}

/** The nearest code by search. From a tie, to the even significand, or to the larger of two powers of two (IEEE 754-2019, 4.3.1). */
function nearest(codes: readonly FloatCode[], element: FloatElement, magnitude: number): number {
  let low = 0;
  let high = codes.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((codes[middle]?.value ?? 0) <= magnitude) low = middle;
    else high = middle;
  }
  const [a, b] = [codes[low], codes[high]];
  if (a === undefined || b === undefined) throw new Error('an element with one code');
  if (magnitude - a.value !== b.value - magnitude)
    return magnitude - a.value < b.value - magnitude ? a.value : b.value;
  if (element.mantissa === 0) return a.value === 0 ? 0 : b.value;
  return a.code % 2 === 0 ? a.value : b.value;
}

describe.each(NAMED_FLOATS)('%s', (_, element) => {
  const largest = maxFinite(element);
  const codes = floatCodes(element);

  test('has the values that its bits stand for', () => {
    expect(codes.at(-1)?.value).toBe(largest);
    const wrong = codes.filter(
      ({ value }) => quantizeValue(value, 1, element) !== value || !onGrid(-value, 1, element),
    );
    expect(wrong).toEqual([]);
  });

  test('takes the nearest of them, ties to even', () => {
    const wrong = critical(codes).filter((x) => {
      if (x > largest) return false;
      const expected = nearest(codes, element, x);
      return quantizeValue(x, 1, element) !== expected || quantizeValue(-x, 1, element) !== -expected;
    });
    expect(wrong).toEqual([]);
  });

  test('saturates, or overflows where the next value would have been nearer', () => {
    // Above a power of two the distance is that power.
    const beyond = element.mantissa === 0 ? 2 * largest : largest + (largest - (codes.at(-2)?.value ?? 0));
    const middle = (largest + beyond) / 2;
    const over = element.specials === 'ieee' ? Infinity : largest;
    expect(quantizeValue(middle * (1 - 2 ** -40), 1, element)).toBe(largest);
    expect(quantizeValue(-beyond, 1, element)).toBe(-over);
    expect(quantizeValue(Infinity, 1, element)).toBe(over);
    expect(quantizeValue(Number.NaN, 1, element)).toBeNaN();
    expect(staysOnGrid(middle * (1 - 2 ** -40), 1, element)).toBe(true);
    expect(staysOnGrid(middle * (1 + 2 ** -40), 1, element)).toBe(false);
    expect(staysOnGrid(-middle * (1 + 2 ** -40), 1, element)).toBe(false);
  });

  test('rounded stochastically, takes a neighbour, in the mean x itself', () => {
    const draws = 1024;
    for (const x of critical(codes).filter(
      (x, i) => x <= largest && i % Math.ceil(codes.length / 60) === 0,
    )) {
      const neighbours = new Set<number>();
      let mean = 0;
      for (let k = 0; k < draws; k++) {
        const value = quantizeStochasticValue(x, 1, (k + 0.5) / draws, element);
        neighbours.add(value);
        mean += value / draws;
      }
      const [low = 0, high = low] = [...neighbours].sort((a, b) => a - b);
      expect(neighbours.size).toBeLessThanOrEqual(2);
      expect([...neighbours].every((value) => onGrid(value, 1, element))).toBe(true);
      expect(low <= x && x <= high + (high - low) / draws + 2 ** -40 * x).toBe(true);
      expect(Math.abs(mean - x)).toBeLessThanOrEqual((x + (high - low)) / draws);
    }
  });
});

describe('stochastic rounding to integers', () => {
  test('is unbiased, with a variance of step²·f·(1 − f)', () => {
    const draws = 1 << 18;
    const noise = uniforms(11, 'round', 0, draws);
    for (const x of [-3.75, -0.1, 0, 0.5, 2.9, 6.999]) {
      const scale = 0.375;
      const fraction = x - Math.floor(x);
      let sum = 0;
      let squares = 0;
      for (const u of noise) {
        const error = quantizeStochasticValue(x * scale, scale, u, INT4) - x * scale;
        sum += error;
        squares += error * error;
      }
      const variance = scale * scale * fraction * (1 - fraction);
      const deviation = Math.sqrt(variance / draws);
      expect(Math.abs(sum / draws)).toBeLessThanOrEqual(5 * deviation + 1e-12);
      // The error takes two values, so its square has the standard deviation step·|1 − 2f| times that of the error.
      const spread = scale * Math.abs(1 - 2 * fraction) * deviation;
      expect(Math.abs(squares / draws - variance)).toBeLessThanOrEqual(5 * spread + 1e-12);
    }
  });
});

describe('a scale', () => {
  const elements = fc.oneof(
    fc.constantFrom(...Object.values(FLOATS)),
    fc.record({
      kind: fc.constant('int' as const),
      bits: fc.integer({ min: 2, max: 16 }),
      signed: fc.boolean(),
      narrow: fc.boolean(),
    }),
  );

  test('is 1 for zeros, normal in float32, and reaches the largest magnitude', () => {
    fc.assert(
      fc.property(finite32, elements, fc.constantFrom('absmax', 'power_of_two'), (x, element, kind) => {
        const absmax = Math.abs(x);
        const scale = scaleOf(absmax, element, kind);
        expect(scale).toBeGreaterThanOrEqual(MIN_SCALE);
        expect(scale).toBeLessThan(2 ** 128);
        if (absmax === 0) expect(scale).toBe(1);
        if (kind === 'power_of_two') expect(binade(scale)).toBe(scale);
        if (scale < MAX_SCALE) expect(absmax).toBeLessThanOrEqual(gridMax(element) * scale * (1 + 2 ** -50));
        // The next scale down would not reach it.
        if (absmax > 0 && scale > MIN_SCALE && kind === 'power_of_two') {
          expect(absmax).toBeGreaterThan((gridMax(element) * scale) / 2);
        }
      }),
      cases(2000),
    );
  });
});

test('codes are those of the grid: every value is a code times the scale', () => {
  fc.assert(
    fc.property(
      finite32,
      fc.integer({ min: -20, max: 20 }),
      fc.integer({ min: 2, max: 16 }),
      (x, exponent, bits) => {
        const element: IntElement = { kind: 'int', bits, signed: true, narrow: false };
        const scale = 2 ** exponent;
        const code = quantizeCode(x, scale, element);
        const { min, max } = codeRange(element);
        expect(Number.isInteger(code) && min <= code && code <= max).toBe(true);
        expect(quantizeValue(x, scale, element)).toBe(code * scale);
        expect(onGrid(code * scale, scale, element)).toBe(true);
        expect(staysOnGrid(x, scale, element)).toBe(Math.abs(x / scale - code) <= 0.5);
      },
    ),
    cases(1000),
  );
});
