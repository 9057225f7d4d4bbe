import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addSums,
  countCorrect,
  crossEntropySum,
  meanScore,
  NO_SAMPLES,
  squaredErrorSum,
} from '../../runtime/train/score.ts';
import { cases } from '../support/property.ts';

const f32 = (shape: readonly number[], data: readonly number[]) =>
  ({ dtype: 'f32', shape, data: Float32Array.from(data) }) as const;

const logits = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 2, max: 5 })).chain(([n, k]) =>
  fc.record({
    logits: fc
      .array(fc.float({ min: -80, max: 80, noNaN: true }), { minLength: n * k, maxLength: n * k })
      .map((data) => f32([n, k], data)),
    labels: fc
      .array(fc.integer({ min: 0, max: k - 1 }), { minLength: n, maxLength: n })
      .map((data) => Int32Array.from(data)),
  }),
);

test('cross entropy is −Σ log softmax at the labels', () => {
  fc.assert(
    fc.property(logits, ({ logits, labels }) => {
      const k = logits.shape[1] ?? 0;
      const expected = [...labels].reduce((sum, label, i) => {
        const row = [...logits.data.subarray(i * k, (i + 1) * k)];
        const total = row.reduce((a, z) => a + Math.exp(z), 0);
        return sum - Math.log(Math.exp(row[label] ?? 0) / total);
      }, 0);
      expect(crossEntropySum(logits, labels)).toBeCloseTo(expected, 8);
    }),
    cases(200),
  );
});

test('cross entropy does not overflow where softmax would', () => {
  expect(crossEntropySum(f32([1, 2], [1e4, 0]), Int32Array.of(1))).toBe(1e4);
});

test('the first of equal largest logits is the prediction', () => {
  const tied = f32([2, 3], [1, 1, 0, 0, 2, 2]);
  expect(countCorrect(tied, Int32Array.of(0, 2))).toBe(1);
  expect(countCorrect(tied, Int32Array.of(0, 1))).toBe(2);
});

test('only the first samples of a filled-up batch count', () => {
  const rows = f32([2, 2], [0, 1, 0, 1]);
  expect(countCorrect(rows, Int32Array.of(1, 1), 1)).toBe(1);
  expect(squaredErrorSum(f32([2, 1], [3, 9]), Float32Array.of(1, 0), 1)).toBe(4);
});

test('sums survive JSON and add up in any split', () => {
  // A run whose loss is not finite ends before sums are saved (QS7110).
  const loss = fc.double({ noNaN: true, noDefaultInfinity: true });
  const part = fc.record({ samples: fc.nat(1000), loss, correct: fc.nat(1000) });
  fc.assert(
    fc.property(part, (sums) => {
      const again = JSON.parse(JSON.stringify(sums)) as typeof sums;
      expect(addSums(NO_SAMPLES, again)).toEqual({ ...sums, loss: 0 + sums.loss });
    }),
    cases(100),
  );
  expect(meanScore({ samples: 4, loss: 2, correct: 3 })).toEqual({ samples: 4, loss: 0.5, accuracy: 0.75 });
  expect(meanScore({ samples: 4, loss: 2, correct: null })).toEqual({ samples: 4, loss: 0.5 });
});
