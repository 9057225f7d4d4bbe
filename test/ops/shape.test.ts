import { describe, expect, test } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { apply } from '../support/apply.ts';

const MATRIX = ndarray([2, 3], [1, 2, 3, 4, 5, 6]);

describe('values', () => {
  test('sum over either axis and over both', () => {
    expect(apply('sum', [MATRIX], { axes: [0], keepDims: false })).toEqual(ndarray([3], [5, 7, 9]));
    expect(apply('sum', [MATRIX], { axes: [1], keepDims: true })).toEqual(ndarray([2, 1], [6, 15]));
    expect(apply('sum', [MATRIX], { axes: [0, 1], keepDims: false })).toEqual(ndarray([], [21]));
  });

  test('broadcastTo repeats', () => {
    const column = ndarray([2, 1], [1, 2]);
    expect(apply('broadcastTo', [column], { shape: [2, 2, 2] })).toEqual(
      ndarray([2, 2, 2], [1, 1, 2, 2, 1, 1, 2, 2]),
    );
  });

  test('reshape keeps the order of elements', () => {
    expect(apply('reshape', [MATRIX], { shape: [3, 2] })).toEqual(ndarray([3, 2], [1, 2, 3, 4, 5, 6]));
  });

  test('transpose moves axes', () => {
    expect(apply('transpose', [MATRIX], { permutation: [1, 0] })).toEqual(
      ndarray([3, 2], [1, 4, 2, 5, 3, 6]),
    );
    const cube = ndarray([1, 2, 3], [1, 2, 3, 4, 5, 6]);
    expect(apply('transpose', [cube], { permutation: [2, 0, 1] })).toEqual(
      ndarray([3, 1, 2], [1, 4, 2, 5, 3, 6]),
    );
  });

  test('slice takes a part', () => {
    expect(apply('slice', [MATRIX], { starts: [0, 1], ends: [2, 3] })).toEqual(ndarray([2, 2], [2, 3, 5, 6]));
  });

  test('pad adds zeros', () => {
    const row = ndarray([1, 2], [1, 2]);
    expect(apply('pad', [row], { before: [1, 0], after: [0, 1] })).toEqual(
      ndarray([2, 3], [0, 0, 0, 1, 2, 0]),
    );
  });

  test('oneHot puts a 1 at each label', () => {
    expect(apply('oneHot', [[2, 0]], { depth: 3 }, 'i32')).toEqual(ndarray([2, 3], [0, 0, 1, 1, 0, 0]));
  });
});

describe('attributes that do not fit are refused', () => {
  test.each([
    ['axes out of range', () => apply('sum', [MATRIX], { axes: [2], keepDims: false })],
    ['no axes', () => apply('sum', [MATRIX], { axes: [], keepDims: false })],
    ['axes twice', () => apply('sum', [MATRIX], { axes: [1, 1], keepDims: false })],
    ['descending axes', () => apply('sum', [MATRIX], { axes: [1, 0], keepDims: false })],
    ['a narrower shape', () => apply('broadcastTo', [MATRIX], { shape: [1, 3] })],
    ['fewer axes', () => apply('broadcastTo', [MATRIX], { shape: [3] })],
    ['another size', () => apply('reshape', [MATRIX], { shape: [5] })],
    ['an axis twice', () => apply('transpose', [MATRIX], { permutation: [0, 0] })],
    ['an empty part', () => apply('slice', [MATRIX], { starts: [0, 1], ends: [2, 1] })],
    ['a part that ends outside', () => apply('slice', [MATRIX], { starts: [0, 1], ends: [2, 4] })],
    ['padding of a scalar', () => apply('pad', [1], { before: [], after: [] })],
    ['negative padding', () => apply('pad', [MATRIX], { before: [0, -1], after: [0, 0] })],
    ['labels in floating point', () => apply('oneHot', [[1]], { depth: 3 })],
    ['a label outside', () => apply('oneHot', [[3]], { depth: 3 }, 'i32')],
  ])('%s', (_, attempt) => {
    expect(attempt).toThrow();
  });
});
