import { expect, test } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { apply, gradients } from '../support/apply.ts';
import { distance } from '../support/calculus.ts';

const LOGITS = ndarray([2, 3], [1, -2, 0.5, 3, 3, -1]);
const TARGET = ndarray([2, 3], [0, 0, 1, 0.5, 0.25, 0.25]);

test('is the cross entropy of softmax relative to the target, per row', () => {
  const p = apply('softmax', [LOGITS], {});
  const expected = [0, 1].map((row) =>
    [0, 1, 2].reduce((sum, k) => {
      return sum - (TARGET.data[3 * row + k] ?? 0) * Math.log(p.data[3 * row + k] ?? 0);
    }, 0),
  );
  expect(distance(apply('softmaxCrossEntropy', [LOGITS, TARGET], {}), ndarray([2], expected))).toBeLessThan(
    1e-15,
  );
});

test('has the cotangents softmax − target and −log softmax', () => {
  const [logits, target] = gradients('softmaxCrossEntropy', [LOGITS, TARGET], {}, [2, -1]);
  const p = apply('softmax', [LOGITS], {});
  const scale = [2, 2, 2, -1, -1, -1];
  const difference = [...p.data].map((x, i) => (scale[i] ?? 0) * (x - (TARGET.data[i] ?? 0)));
  const surprise = [...p.data].map((x, i) => -(scale[i] ?? 0) * Math.log(x));
  expect(distance(logits ?? p, ndarray([2, 3], difference))).toBeLessThan(1e-15);
  expect(distance(target ?? p, ndarray([2, 3], surprise))).toBeLessThan(1e-14);
});

test('stays finite, in value and derivatives, for logits whose exponentials overflow', () => {
  const operands = [ndarray([1, 2], [5e3, -5e3]), ndarray([1, 2], [0, 1])];
  expect(apply('softmaxCrossEntropy', operands, {}).data[0]).toBe(1e4);
  const [logits, target] = gradients('softmaxCrossEntropy', operands, {});
  expect([...(logits?.data ?? [])]).toEqual([1, -1]);
  expect([...(target?.data ?? [])]).toEqual([0, 1e4]);
});

test('a class of weight 0 costs nothing even where its probability is 0', () => {
  const operands = [ndarray([1, 2], [0, Number.NEGATIVE_INFINITY]), ndarray([1, 2], [1, 0])];
  expect(apply('softmaxCrossEntropy', operands, {}).data[0]).toBe(0);
});

test('is refused for logits and targets of different shapes', () => {
  expect(() => apply('softmaxCrossEntropy', [LOGITS, ndarray([2, 2])], {})).toThrow(
    'are not two tensors [B, K]',
  );
});
