import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  divide,
  isUnwieldy,
  multiply,
  negate,
  parseDecimal,
  type Rational,
  rational,
  toNumber,
  ZERO,
} from '../../compiler/numeric/rational.ts';
import { cases } from '../support/property.ts';

const fraction = fc.tuple(fc.bigInt(), fc.bigInt({ min: 1n })).map(([n, d]) => rational(n, d));

describe('fractions', () => {
  test('are a field', () => {
    fc.assert(
      fc.property(fraction, fraction, fraction, (a, b, c) => {
        expect(add(a, b)).toEqual(add(b, a));
        expect(add(add(a, b), c)).toEqual(add(a, add(b, c)));
        expect(multiply(a, add(b, c))).toEqual(add(multiply(a, b), multiply(a, c)));
        expect(add(a, negate(a))).toEqual(ZERO);
        if (b.numerator !== 0n) expect(multiply(divide(a, b), b)).toEqual(a);
      }),
      cases(200),
    );
  });

  test('have one representation each', () => {
    expect(rational(-6n, -4n)).toEqual({ numerator: 3n, denominator: 2n });
    expect(rational(6n, -4n)).toEqual({ numerator: -3n, denominator: 2n });
  });
});

describe('decimals', () => {
  test('are read as float64 reads them', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }), (x) => {
        const read = parseDecimal(String(x));
        expect(read && toNumber(read)).toBe(x);
      }),
      cases(500),
    );
  });

  test.each([
    ['80000', 80000],
    ['3e-3', 0.003],
    ['.5', 0.5],
    ['60_000', 60000],
    ['1E+2', 100],
  ])('%s', (text, value) => {
    expect(toNumber(parseDecimal(text) as Rational)).toBe(value);
  });

  test.each(['', '.', 'e5', '1e', 'NaN', '0x10', '1e99999', '-1'])('%j is none', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });
});

describe('rounding to float64', () => {
  test('is to nearest, ties to even', () => {
    expect(toNumber(rational(2n ** 53n + 1n))).toBe(2 ** 53);
    expect(toNumber(rational(2n ** 53n + 3n))).toBe(2 ** 53 + 4);
    expect(toNumber(rational(2n ** 80n + 2n ** 27n + 1n, 2n ** 27n))).toBe(2 ** 53 + 2);
    expect(toNumber(rational(-1n, 3n))).toBe(-1 / 3);
  });

  test('agrees with the division of exact float64 numbers', () => {
    const whole = fc.bigInt({ min: 1n, max: 2n ** 53n });
    fc.assert(
      fc.property(whole, whole, fc.bigInt({ min: 1n, max: 2n ** 200n }), (n, d, common) => {
        expect(toNumber({ numerator: n * common, denominator: d * common })).toBe(Number(n) / Number(d));
      }),
      cases(300),
    );
  });

  test('overflows to infinity', () => {
    expect(toNumber(rational(10n ** 400n))).toBe(Infinity);
    expect(toNumber(rational(1n, 10n ** 400n))).toBe(0);
    expect(isUnwieldy(rational(10n ** 6000n))).toBe(true);
  });
});
