import { describe, expect, test } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { apply, gradients } from '../support/apply.ts';
import { distance } from '../support/calculus.ts';

describe('variance', () => {
  test('divides by the count', () => {
    expect(apply('variance', [ndarray([2, 2], [1, 3, 5, 5])], { axes: [1] })).toEqual(
      ndarray([2, 1], [1, 0]),
    );
  });

  test('does not cancel where the mean is large', () => {
    const x = [1e8, 1e8 + 1, 1e8 + 2];
    expect(apply('variance', [x], { axes: [0] }).data[0]).toBeCloseTo(2 / 3, 12);
  });
});

describe('standardize', () => {
  test('gives mean 0 and variance 1 where epsilon is small', () => {
    const y = apply('standardize', [[3, 7, -2, 10]], { axes: [0], epsilon: 1e-12 });
    expect(y.data.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 12);
    expect(y.data.reduce((a, b) => a + b * b, 0) / 4).toBeCloseTo(1, 12);
  });

  test('has zeros where every element is the same', () => {
    expect([...apply('standardize', [[4, 4]], { axes: [0], epsilon: 1e-5 }).data]).toEqual([0, 0]);
  });

  test('passes no cotangent along the directions that it removes', () => {
    const x = [3, 7, -2, 10];
    const [constant] = gradients('standardize', [x], { axes: [0], epsilon: 1e-12 }, [1, 1, 1, 1]);
    const result = apply('standardize', [x], { axes: [0], epsilon: 1e-12 });
    const [proportional] = gradients('standardize', [x], { axes: [0], epsilon: 1e-12 }, result);
    for (const gradient of [constant, proportional]) {
      expect(distance(gradient ?? result, ndarray([4]))).toBeLessThan(1e-10);
    }
  });

  test('needs a positive epsilon', () => {
    expect(() => apply('standardize', [[1]], { axes: [0], epsilon: 0 })).toThrow('not positive');
  });
});

describe('softmax', () => {
  test('gives rows that sum to 1', () => {
    const y = apply('softmax', [ndarray([2, 2], [0, Math.log(3), 5, 5])], {});
    expect(distance(y, ndarray([2, 2], [0.25, 0.75, 0.5, 0.5]))).toBeLessThan(1e-15);
  });

  test('neither overflows nor divides by zero', () => {
    expect([...apply('softmax', [[1e4, 0, -1e4]], {}).data]).toEqual([1, 0, 0]);
    expect([...apply('softmax', [[-1e300, -1e300]], {}).data]).toEqual([0.5, 0.5]);
  });
});
