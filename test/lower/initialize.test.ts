import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialRange, initialValues } from '../../compiler/lower/initialize.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { cases } from '../support/property.ts';

const tensor = (bound: number, shape = [16, 16]) => ({
  name: 'c1.weights',
  shape,
  initializer: { kind: 'uniform', bound } as const,
});

test('weights are what (seed, name, index) say', () => {
  const values = initialValues(tensor(0.25), 7);
  const drawn = uniforms(7, 'c1.weights', 0, 256);
  expect(values).toEqual(drawn.map((u) => (2 * u - 1) * 0.25));
  expect(initialValues({ ...tensor(0.25), name: 'c2.weights' }, 7)).not.toEqual(values);
  expect(initialValues(tensor(0.25), 8)).not.toEqual(values);
});

test('a constant fills its tensor', () => {
  const constant = { name: 'n1.scale', shape: [3], initializer: { kind: 'constant', value: 0.1 } as const };
  expect([...initialValues(constant, 1)]).toEqual(Array(3).fill(Math.fround(0.1)));
  expect(initialRange(constant.initializer)).toEqual({ low: Math.fround(0.1), high: Math.fround(0.1) });
});

test('no value leaves the range that is stated without drawing any', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-20, max: 1e20, noNaN: true }),
      fc.integer({ min: 0, max: 1e9 }),
      (bound, seed) => {
        const { low, high } = initialRange({ kind: 'uniform', bound });
        expect(low).toBe(-Math.fround(bound));
        for (const value of initialValues(tensor(bound, [64]), seed)) {
          expect(value).toBeGreaterThanOrEqual(low);
          expect(value).toBeLessThanOrEqual(high);
        }
      },
    ),
    cases(100),
  );
});
