import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBound, parseBound } from '../../compiler/numeric/bound/decimal.ts';
import {
  add,
  addDown,
  type Bound,
  boundFromJson,
  boundToJson,
  compare,
  divide,
  divideDown,
  fromNumber,
  isUnbounded,
  max,
  min,
  multiply,
  multiplyDown,
  ONE,
  sqrt,
  sqrtDown,
  subtract,
  subtractDown,
  toNumber,
  UNBOUNDED,
  ZERO,
} from '../../compiler/numeric/bound.ts';
import { compareDyadic, type Dyadic, dyadicOf, exactSum, timesDyadic } from '../support/dyadic.ts';
import { cases } from '../support/property.ts';

const ULP = 2 ** -52;

/** Mantissas where carries, ties and borrows happen, and any others. */
const mantissas = fc.oneof(
  fc.constantFrom(1, 1 + ULP, 1.5, 1.5 - ULP, 1.5 + ULP, 2 - ULP, 2 - 2 * ULP, Math.SQRT2),
  fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }).map((n) => 1 + Number(n) * ULP),
  fc.nat({ max: 255 }).map((n) => 1 + n / 256),
);
const exponents = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -70, max: 70 }),
  fc.integer({ min: -20_000, max: 20_000 }),
);
const positive: fc.Arbitrary<Bound> = fc.record({ mantissa: mantissas, exponent: exponents });
const bounds = fc.oneof({ weight: 15, arbitrary: positive }, { weight: 1, arbitrary: fc.constant(ZERO) });

function next({ mantissa, exponent }: Bound): Bound {
  return mantissa === 2 - ULP
    ? { mantissa: 1, exponent: exponent + 1 }
    : { mantissa: mantissa + ULP, exponent };
}

function previous({ mantissa, exponent }: Bound): Bound {
  return mantissa === 1
    ? { mantissa: 2 - ULP, exponent: exponent - 1 }
    : { mantissa: mantissa - ULP, exponent };
}

function negative({ significand, exponent }: Dyadic): Dyadic {
  return { significand: -significand, exponent };
}

/**
 * That `up` and `down` are the bounds next to a number that is known by its order relative to a bound: `order(b)` is the sign of b minus
 * the number.
 */
function expectNeighbours(up: Bound, down: Bound, order: (b: Dyadic) => number): void {
  for (const { mantissa, exponent } of [up, down]) {
    expect(mantissa === 0 ? exponent === 0 : mantissa >= 1 && mantissa < 2).toBe(true);
    expect(Number.isInteger(exponent)).toBe(true);
  }
  expect(order(dyadicOf(up))).toBeGreaterThanOrEqual(0);
  expect(order(dyadicOf(down))).toBeLessThanOrEqual(0);
  if (up.mantissa > 0) expect(order(dyadicOf(previous(up)))).toBeLessThan(0);
  if (down.mantissa > 0) expect(order(dyadicOf(next(down)))).toBeGreaterThan(0);
}

describe('operations round correctly in both directions', () => {
  test('sums', () => {
    fc.assert(
      fc.property(bounds, bounds, (a, b) => {
        const exact = exactSum(dyadicOf(a), dyadicOf(b));
        expectNeighbours(add(a, b), addDown(a, b), (x) => compareDyadic(x, exact));
      }),
      cases(1500),
    );
  });

  test('differences, which end at 0', () => {
    fc.assert(
      fc.property(bounds, bounds, (a, b) => {
        const exact = exactSum(dyadicOf(a), negative(dyadicOf(b)));
        if (exact.significand <= 0n) {
          expect([subtract(a, b), subtractDown(a, b)]).toEqual([ZERO, ZERO]);
        } else expectNeighbours(subtract(a, b), subtractDown(a, b), (x) => compareDyadic(x, exact));
      }),
      cases(1500),
    );
  });

  test('products', () => {
    fc.assert(
      fc.property(bounds, bounds, (a, b) => {
        const exact = timesDyadic(dyadicOf(a), dyadicOf(b));
        expectNeighbours(multiply(a, b), multiplyDown(a, b), (x) => compareDyadic(x, exact));
      }),
      cases(1500),
    );
  });

  test('quotients', () => {
    fc.assert(
      fc.property(bounds, positive, (a, b) => {
        const [numerator, denominator] = [dyadicOf(a), dyadicOf(b)];
        expectNeighbours(divide(a, b), divideDown(a, b), (x) =>
          compareDyadic(timesDyadic(x, denominator), numerator),
        );
      }),
      cases(1500),
    );
    expect(() => divide(ONE, ZERO)).toThrow('divided by 0');
  });

  test('roots', () => {
    fc.assert(
      fc.property(bounds, (a) => {
        expectNeighbours(sqrt(a), sqrtDown(a), (x) => compareDyadic(timesDyadic(x, x), dyadicOf(a)));
      }),
      cases(1500),
    );
  });

  test('and follow powers of two exactly', () => {
    fc.assert(
      fc.property(positive, positive, fc.integer({ min: -9000, max: 9000 }), (a, b, k) => {
        const shifted = ({ mantissa, exponent }: Bound): Bound => ({ mantissa, exponent: exponent + k });
        expect(add(shifted(a), shifted(b))).toEqual(shifted(add(a, b)));
        expect(multiply(shifted(a), b)).toEqual(shifted(multiply(a, b)));
        expect(multiply(a, { mantissa: 1, exponent: k })).toEqual(shifted(a));
        expect(divide(shifted(a), shifted(b))).toEqual(divide(a, b));
      }),
      cases(500),
    );
  });
});

describe('order', () => {
  test('is that of the numbers', () => {
    fc.assert(
      fc.property(bounds, bounds, (a, b) => {
        const order = compareDyadic(dyadicOf(a), dyadicOf(b));
        expect(Math.sign(compare(a, b))).toBe(order);
        expect(max(a, b)).toEqual(order >= 0 ? a : b);
        expect(min(a, b)).toEqual(order <= 0 ? a : b);
      }),
      cases(1000),
    );
  });
});

describe('float64', () => {
  test('goes to a bound and back unchanged, subnormal numbers included', () => {
    const doubles = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(doubles, (x) => {
        expect(toNumber(fromNumber(x))).toBe(x === 0 ? 0 : x);
      }),
      cases(1000),
    );
    for (const x of [Number.MIN_VALUE, 3 * Number.MIN_VALUE, 2 ** -1022, Number.MAX_VALUE]) {
      expect(toNumber(fromNumber(x))).toBe(x);
    }
  });

  test('is rounded up where it is coarser', () => {
    expect(toNumber({ mantissa: 1, exponent: -5000 })).toBe(Number.MIN_VALUE);
    expect(toNumber({ mantissa: 1 + ULP, exponent: -1074 })).toBe(2 * Number.MIN_VALUE);
    expect(toNumber({ mantissa: 1 + ULP, exponent: -1023 })).toBe(2 ** -1023 + Number.MIN_VALUE);
    expect(toNumber(next(fromNumber(Number.MAX_VALUE)))).toBe(Infinity);
  });

  test('that is no bound is refused', () => {
    for (const x of [-1, Infinity, Number.NaN]) expect(() => fromNumber(x)).toThrow('is no bound');
  });
});

describe('the ends of the range', () => {
  const huge: Bound = { mantissa: 1, exponent: 2 ** 49 };
  const tiny: Bound = { mantissa: 1, exponent: -(2 ** 49) };

  test('nothing is bounded past the largest bound, and that stays so', () => {
    const top = multiply(multiply(huge, huge), ONE);
    expect(top).toEqual(UNBOUNDED);
    for (const result of [
      add(ONE, top),
      multiply(top, tiny),
      divide(top, huge),
      sqrt(top),
      subtract(top, huge),
    ]) {
      expect(isUnbounded(result)).toBe(true);
    }
    expect(multiply(top, ZERO)).toEqual(ZERO);
    expect(min(top, huge)).toEqual(huge);
    expect(isUnbounded(multiplyDown(huge, huge))).toBe(false);
  });

  test('a positive bound stays positive', () => {
    const smallest = multiply(tiny, multiply(tiny, tiny));
    expect(compare(smallest, ZERO)).toBeGreaterThan(0);
    expect(multiplyDown(tiny, multiply(tiny, tiny))).toEqual(ZERO);
  });
});

describe('decimals', () => {
  test('read as one would write them, rounded up', () => {
    const half = fromNumber(0.5);
    expect(formatBound(ZERO)).toBe('0');
    expect(formatBound(half)).toBe('0.5');
    expect(formatBound(fromNumber(3))).toBe('3');
    expect(formatBound(fromNumber(120))).toBe('120');
    expect(formatBound(fromNumber(1200))).toBe('1.2e+3');
    expect(formatBound(fromNumber(0.1))).toBe('0.101');
    expect(formatBound(fromNumber(0.1), 17)).toBe('0.10000000000000001');
    expect(formatBound(fromNumber(9.999))).toBe('10');
    expect(formatBound(fromNumber(999.5))).toBe('1e+3');
    expect(formatBound(fromNumber(2 ** -40))).toBe('9.1e-13');
    expect(formatBound(sqrt(fromNumber(2)), 4)).toBe('1.415');
    expect(formatBound({ mantissa: 1.5, exponent: 13_000 })).toBe('3.69e+3913');
    expect(formatBound(UNBOUNDED)).toBe('unbounded');
  });

  test('are the smallest of their length above, and are read back above', () => {
    fc.assert(
      fc.property(positive, fc.integer({ min: 1, max: 17 }), (bound, digits) => {
        const text = formatBound(bound, digits);
        const read = parseBound(text) ?? ZERO;
        expect(compare(read, bound)).toBeGreaterThanOrEqual(0);
        const slack = fromNumber(1 + 10 ** (1 - digits) + 2 ** -50);
        expect(compare(read, multiply(bound, slack))).toBeLessThanOrEqual(0);
        expect(text.replace(/e.*|\.|^0\.0*/g, '').length).toBeLessThanOrEqual(digits + 1);
      }),
      cases(500),
    );
  });

  test('are read exactly where a bound is exact, else up', () => {
    const doubles = fc.double({ min: 2 ** -1000, max: 2 ** 70, noNaN: true });
    fc.assert(
      fc.property(doubles, (x) => {
        // The shortest text of a float64 lies within half a unit of it, on either side.
        const read = parseBound(x.toString()) ?? ZERO;
        expect([fromNumber(x), next(fromNumber(x))]).toContainEqual(read);
      }),
      cases(500),
    );
    expect(parseBound('0.1')).toEqual(fromNumber(0.1));
    expect(parseBound('0.3')).toEqual(next(fromNumber(0.3)));
    expect(parseBound('1.25')).toEqual(fromNumber(1.25));
    expect(parseBound('0e5')).toEqual(ZERO);
    expect(parseBound('unbounded')).toEqual(UNBOUNDED);
    expect(parseBound('1e+999999999999999')).toEqual(UNBOUNDED);
    for (const text of ['', '-1', '1e', '.5', 'Infinity', '1e9999999999999999', ' 1']) {
      expect(parseBound(text)).toBeUndefined();
    }
  });
});

describe('JSON', () => {
  test('holds bounds exactly', () => {
    fc.assert(
      fc.property(fc.oneof(bounds, fc.constant(UNBOUNDED)), (bound) => {
        expect(boundFromJson(JSON.parse(JSON.stringify(boundToJson(bound))))).toEqual(bound);
      }),
      cases(300),
    );
  });

  test('that is no bound is refused', () => {
    const wrong = [
      null,
      1,
      [],
      [1],
      [0.5, 0],
      [2, 0],
      [1, 0.5],
      [0, 1],
      [-1, 0],
      [1, 2 ** 51],
      [1.5, 2 ** 50],
    ];
    for (const json of [...wrong, ['1', 0], [1, 0, 0]]) expect(boundFromJson(json)).toBeUndefined();
  });
});
