import { describe, expect, test } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { apply, gradients } from '../support/apply.ts';

describe('values', () => {
  test.each([
    ['neg', [-1.5, 0, 2], [1.5, -0, -2]],
    ['abs', [-1.5, 0, 2], [1.5, 0, 2]],
    ['exp', [0, 1, -1000], [1, Math.E, 0]],
    ['log', [1, Math.E, 8], [0, 1, Math.log(8)]],
    ['sqrt', [0, 2.25, 9], [0, 1.5, 3]],
    ['relu', [-1.5, 0, 2], [0, 0, 2]],
    ['step', [-1.5, 0, 1e-300], [0, 0, 1]],
    ['stopGradient', [-1.5, 0, 2], [-1.5, 0, 2]],
  ] as const)('of %s', (op, x, expected) => {
    expect([...apply(op, [x], {}).data]).toEqual(expected);
  });

  test.each([
    ['add', [4, 6, -1]],
    ['sub', [-2, -2, -5]],
    ['mul', [3, 8, -6]],
    ['div', [1 / 3, 0.5, -1.5]],
    ['minimum', [1, 2, -3]],
    ['maximum', [3, 4, 2]],
  ] as const)('of %s', (op, expected) => {
    expect([
      ...apply(
        op,
        [
          [1, 2, -3],
          [3, 4, 2],
        ],
        {},
      ).data,
    ]).toEqual(expected);
  });

  test('relu keeps NaN, so that a diverged run is seen', () => {
    expect(apply('relu', [Number.NaN], {}).data[0]).toBeNaN();
  });
});

describe('broadcasting', () => {
  test('aligns the last axes and stretches axes of size 1', () => {
    const sum = apply('add', [ndarray([2, 1], [10, 20]), [1, 2, 3]], {});
    expect(sum).toEqual(ndarray([2, 3], [11, 12, 13, 21, 22, 23]));
  });

  test('sums cotangents back over the axes that were stretched', () => {
    const u = ndarray([2, 3], [1, 2, 3, 4, 5, 6]);
    const [column, row] = gradients('add', [ndarray([2, 1], [10, 20]), [1, 2, 3]], {}, u);
    expect(column).toEqual(ndarray([2, 1], [6, 15]));
    expect(row).toEqual(ndarray([3], [5, 7, 9]));
  });

  test('is refused where sizes differ', () => {
    expect(() =>
      apply(
        'mul',
        [
          [1, 2],
          [1, 2, 3],
        ],
        {},
      ),
    ).toThrow('mul: [2] and [3] do not broadcast');
  });
});

describe('derivatives that are chosen where none exists', () => {
  test.each([
    ['relu', 0],
    ['abs', 0],
    ['step', 0],
  ] as const)('%s has derivative 0 at 0', (op, expected) => {
    expect(gradients(op, [0], {})[0]?.data[0]).toBe(expected);
  });

  test.each(['minimum', 'maximum'] as const)('%s gives a tie to its first operand', (op) => {
    const [a, b] = gradients(
      op,
      [
        [1, 5],
        [1, 5],
      ],
      {},
    );
    expect([...(a?.data ?? [])]).toEqual([1, 1]);
    expect([...(b?.data ?? [])]).toEqual([0, 0]);
  });

  test('stopGradient lets nothing through', () => {
    expect([...(gradients('stopGradient', [[1, 2]], {})[0]?.data ?? [])]).toEqual([0, 0]);
  });
});

test('an op is refused on integers', () => {
  expect(() => apply('neg', [[1]], {}, 'i32')).toThrow('neg: an f32 operand is needed, not i32[1]');
});
