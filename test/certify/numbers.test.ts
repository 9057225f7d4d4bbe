import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBound, toBound } from '../../compiler/certify/bounds-of-rules.ts';
import { readDecimal, writeDecimal } from '../../compiler/certify/decimal.ts';
import * as D from '../../compiler/certify/dyadic.ts';
import { formatBound } from '../../compiler/numeric/bound/decimal.ts';
import * as B from '../../compiler/numeric/bound.ts';
import { cases } from '../support/property.ts';

const bound: fc.Arbitrary<B.Bound> = fc
  .tuple(
    fc.double({ min: 1, max: 2, maxExcluded: true, noNaN: true }),
    fc.integer({ min: -20000, max: 20000 }),
  )
  .map(([mantissa, exponent]) => ({ mantissa, exponent }));

/** Exactly `m·2^e ⋚ n·2^f`. */
function exactly(a: readonly [bigint, number], b: readonly [bigint, number]): number {
  const low = Math.min(a[1], b[1]);
  const difference = (a[0] << BigInt(a[1] - low)) - (b[0] << BigInt(b[1] - low));
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}

/** The next smaller number of 64 bits. */
const below = ({ m, e }: D.Dyadic): readonly [bigint, number] =>
  m === 1n << 63n ? [(1n << 64n) - 1n, e - 1] : [m - 1n, e];

describe('whole-number arithmetic', () => {
  test('gives the smallest number of 64 bits at or above the exact one', () => {
    fc.assert(
      fc.property(bound, bound, (x, y) => {
        const [a, b] = [fromBound(x), fromBound(y)];
        const product = D.multiply(a, b);
        const exact = [a.m * b.m, a.e + b.e] as const;
        expect(exactly([product.m, product.e], exact)).toBeGreaterThanOrEqual(0);
        expect(exactly(below(product), exact)).toBeLessThan(0);
        const root = D.sqrt(a);
        expect(exactly([root.m * root.m, 2 * root.e], [a.m, a.e])).toBeGreaterThanOrEqual(0);
        const under = below(root);
        expect(exactly([under[0] * under[0], 2 * under[1]], [a.m, a.e])).toBeLessThan(0);
        const ratio = D.divide(a, b);
        expect(exactly([ratio.m * b.m, ratio.e + b.e], [a.m, a.e])).toBeGreaterThanOrEqual(0);
        const less = below(ratio);
        expect(exactly([less[0] * b.m, less[1] + b.e], [a.m, a.e])).toBeLessThan(0);
        const low = Math.min(a.e, b.e);
        if (Math.max(a.e, b.e) - low > 5000) return;
        const sum = D.add(a, b);
        const whole = [(a.m << BigInt(a.e - low)) + (b.m << BigInt(b.e - low)), low] as const;
        expect(exactly([sum.m, sum.e], whole)).toBeGreaterThanOrEqual(0);
        expect(exactly(below(sum), whole)).toBeLessThan(0);
      }),
      cases(2000),
    );
  });

  test('agrees with the bounds of the rules but for the last places', () => {
    fc.assert(
      fc.property(bound, bound, (x, y) => {
        const [a, b] = [fromBound(x), fromBound(y)];
        expect(toBound(a)).toEqual(x);
        expect(toBound(D.add(a, b))).toEqual(B.add(x, y));
        expect(toBound(D.multiply(a, b))).toEqual(B.multiply(x, y));
        expect(toBound(D.divide(a, b))).toEqual(B.divide(x, y));
        expect(toBound(D.sqrt(a))).toEqual(B.sqrt(x));
        expect(Math.sign(D.compare(a, b))).toBe(Math.sign(B.compare(x, y)));
      }),
      cases(2000),
    );
    expect(fromBound(B.UNBOUNDED)).toEqual(D.UNBOUNDED);
    expect(toBound(D.UNBOUNDED)).toEqual(B.UNBOUNDED);
    expect(D.add(D.UNBOUNDED, D.ONE)).toBe(D.UNBOUNDED);
    expect(D.multiply(D.UNBOUNDED, D.ZERO)).toBe(D.ZERO);
  });

  test('takes float64 as it is', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(fromBound(B.fromNumber(x))).toEqual(D.fromNumber(x));
      }),
      cases(2000),
    );
  });

  test('compares with a product exactly', () => {
    const [x, y] = [D.fromNumber(0.1), D.fromNumber(10)];
    expect(D.isAtMostProduct(D.fromNumber(1), x, y)).toBe(true);
    expect(D.isAtMostProduct(D.fromNumber(1 + 2 ** -52), x, y)).toBe(false);
    expect(D.isAtMostProduct(D.UNBOUNDED, x, y)).toBe(false);
    expect(D.isAtMostProduct(D.ZERO, x, D.ZERO)).toBe(true);
  });

  test('holds numbers for alike that differ by less than 1e-9', () => {
    const one = D.fromNumber(1);
    expect(D.isAlike(one, D.fromNumber(1 + 9e-10))).toBe(true);
    expect(D.isAlike(one, D.fromNumber(1 - 9e-10))).toBe(true);
    expect(D.isAlike(one, D.fromNumber(1 + 1e-9))).toBe(false);
    expect(D.isAlike(D.ZERO, D.fromNumber(1e-300))).toBe(false);
    expect(D.isAlike(D.UNBOUNDED, D.UNBOUNDED)).toBe(true);
    expect(D.isAlike(D.UNBOUNDED, one)).toBe(false);
  });
});

describe('decimals', () => {
  test('are read back as what was written, rounded up', () => {
    fc.assert(
      fc.property(bound, (x) => {
        const read = readDecimal(formatBound(x, 15));
        expect(read && D.isAlike(read, fromBound(x))).toBe(true);
        expect(read && D.compare(read, fromBound(x))).toBeGreaterThanOrEqual(0);
        const shown = readDecimal(writeDecimal(fromBound(x)));
        expect(shown && D.compare(shown, fromBound(x))).toBeGreaterThanOrEqual(0);
      }),
      cases(2000),
    );
    expect(readDecimal('unbounded')).toBe(D.UNBOUNDED);
    expect(readDecimal('1e+999999999999999')).toEqual(D.UNBOUNDED);
    expect(readDecimal('0')).toBe(D.ZERO);
    expect(readDecimal('-1')).toBeUndefined();
    expect(readDecimal('0x10')).toBeUndefined();
  });
});
