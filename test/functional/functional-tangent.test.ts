import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compose, identity } from '../../compiler/functional/algebra.ts';
import { FunctionalBuilder } from '../../compiler/functional/builder.ts';
import { stepsOf } from '../../compiler/functional/step.ts';
import { type Tangent, tangent } from '../../compiler/functional/tangent.ts';
import { add, type Bound, fromNumber, multiply, toNumber, ZERO } from '../../compiler/numeric/bound.ts';
import { bitLength, type Dyadic, dyadicOf, exactSum, timesDyadic } from '../support/dyadic.ts';
import { build, points, recipes, reference, smallNumbers } from '../support/functionals.ts';
import { cases } from '../support/property.ts';

const INPUTS = ['x', 'y', 'z'];

/** x · 2^shift to 64 bits. */
function numeric({ significand, exponent }: Dyadic, shift: number): number {
  const excess = Math.max(bitLength(significand) - 64, 0);
  return Number(significand >> BigInt(excess)) * 2 ** (exponent + excess + shift);
}

function only(tangents: ReadonlyMap<string, Tangent>): Tangent {
  const [first] = tangents.values();
  if (first === undefined) throw new Error('no tangent');
  return first;
}

/** The tangent of `make` in x at a number. */
function at(x: number, make: (builder: FunctionalBuilder, x: number) => number): Tangent {
  const builder = new FunctionalBuilder(['x']);
  const functional = builder.build([['f', make(builder, builder.input('x'))]]);
  return only(tangent(functional, new Map([['x', fromNumber(x)]])));
}

function gain({ gains }: Tangent, input = 'x'): number {
  return toNumber(gains.get(input) ?? ZERO);
}

describe('the tangent', () => {
  test('is the derivative along the direction', () => {
    // Differences over 2^-100 in 300-bit arithmetic; whole numbers keep ties of a maximum exact.
    const places = 100;
    fc.assert(
      fc.property(
        recipes(INPUTS, ['f'], {
          operations: ['sum', 'product', 'max', 'norm'],
          steps: false,
          numbers: smallNumbers,
        }),
        points(INPUTS, smallNumbers),
        points(INPUTS, smallNumbers),
        (recipe, point, direction) => {
          const shifted = (by: number): Map<string, Dyadic> =>
            new Map(
              Array.from(point, ([name, x]) => {
                const along = dyadicOf(direction.get(name) ?? ZERO);
                return [name, exactSum(dyadicOf(x), { ...along, exponent: along.exponent - by })];
              }),
            );
          const [before] = reference(recipe, new Map([...point].map(([name, x]) => [name, dyadicOf(x)])));
          const [after] = reference(recipe, shifted(places));
          if (before === undefined || after === undefined) return;
          const difference = exactSum(
            after.value,
            timesDyadic(before.value, { significand: -1n, exponent: 0 }),
          );
          const slope = toNumber(only(tangent(build(recipe), point, { direction })).slope);
          // Taylor coefficients are non-negative, so that each is at most the value one direction further.
          const [far] = reference(recipe, shifted(0));
          const higher = far === undefined ? 0 : numeric(far.value, 10 - places);
          fc.pre(Number.isFinite(slope + higher));
          const expected = numeric(difference, places);
          expect(Math.abs(slope - expected)).toBeLessThanOrEqual(1e-9 * expected + higher);
        },
      ),
      cases(300),
    );
  });

  test('has a slope that is the gains times the direction', () => {
    fc.assert(
      fc.property(recipes(INPUTS, ['f', 'g']), points(INPUTS), points(INPUTS), (recipe, point, direction) => {
        for (const { slope, gains } of tangent(build(recipe), point, { direction }).values()) {
          let along: Bound = ZERO;
          for (const [name, each] of gains) along = add(along, multiply(each, direction.get(name) ?? ZERO));
          const [high, low] = [slope, along].map((x) => x.exponent + Math.log2(x.mantissa || 1));
          expect(along.mantissa > 0).toBe(slope.mantissa > 0);
          expect(Math.abs((high ?? 0) - (low ?? 0))).toBeLessThan(1e-9);
        }
      }),
      cases(200),
    );
  });

  test('takes the largest of the branches that are active together', () => {
    const two = fromNumber(2);
    expect(gain(at(0, (b, x) => b.max([x, b.scale(two, x)])))).toBe(2);
    expect(gain(at(0, (b, x) => b.min([x, b.scale(two, x)])))).toBe(2);
    expect(gain(at(1, (b, x) => b.min([x, b.scale(two, x)])))).toBe(1);
    expect(gain(at(3, (b, x) => b.min([x, b.constant(two)])))).toBe(0);
  });

  test('of a norm is finite at 0', () => {
    expect(gain(at(0, (b, x) => b.norm([b.scale(fromNumber(3), x), b.scale(fromNumber(4), x)])))).toBeCloseTo(
      5,
      14,
    );
    const ofSquare = at(2, (b, x) => b.sqrt(b.product([x, x])));
    expect(gain(ofSquare)).toBeCloseTo(1, 14);
  });

  test('names steps ahead instead of giving them a slope', () => {
    const steps = stepsOf(
      [
        { margin: fromNumber(0.5), cost: fromNumber(3) },
        { margin: fromNumber(2), cost: fromNumber(4) },
      ],
      'l1',
    );
    const charged = (b: FunctionalBuilder, x: number): number =>
      b.sum([x, b.scale(fromNumber(10), b.step(x, steps))]);
    const { slope, jumps } = at(1, charged);
    expect(toNumber(slope)).toBe(1);
    expect(jumps.map(({ from, threshold, rise }) => [from, threshold, rise].map(toNumber))).toEqual([
      [1, 2, 40],
    ]);
    expect(at(2, charged).jumps).toEqual([]);
    expect(at(1, (b) => b.step(b.constant(ZERO), steps)).jumps).toEqual([]);
  });

  test('names roots at 0, whose slope is infinite', () => {
    const root = (b: FunctionalBuilder, x: number): number => b.sqrt(x);
    expect(at(0, root).steep).toHaveLength(1);
    expect(at(4, root).steep).toEqual([]);
    expect(gain(at(4, root))).toBe(0.25);
  });

  test('takes only the outputs that are asked for', () => {
    const rows = tangent(identity(INPUTS), new Map(INPUTS.map((name) => [name, ZERO])), { outputs: ['y'] });
    expect([...rows.keys()]).toEqual(['y']);
    expect([...only(rows).gains.values()].map(toNumber)).toEqual([0, 1, 0]);
  });

  test('of ten thousand layers is the product of their gains', () => {
    const builder = new FunctionalBuilder(['x']);
    const layer = builder.build([
      ['x', builder.sum([builder.scale(fromNumber(4), builder.input('x')), builder.constant(fromNumber(1))])],
    ]);
    const deep = compose(...Array.from({ length: 10_000 }, () => layer));
    expect(only(tangent(deep, new Map([['x', ZERO]]))).gains.get('x')).toEqual({
      mantissa: 1,
      exponent: 20_000,
    });
  });
});
