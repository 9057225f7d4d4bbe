import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { f32 } from '../../compiler/ops/operands.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { apply, gradients } from '../support/apply.ts';
import { ENGINES, filled } from '../support/op-engines.ts';
import { cases } from '../support/property.ts';

const size = fc.integer({ min: 1, max: 5 });

/** Two stacks of matrices that fit, of whole numbers, with what their product is. */
const products = fc
  .record({
    batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    m: size,
    k: size,
    n: size,
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  })
  .map(({ batch, m, k, n, transposeA, transposeB }) => {
    const a = filled([...batch, ...(transposeA ? [k, m] : [m, k])], (i) => ((i * 7) % 11) - 5);
    const b = filled([...batch, ...(transposeB ? [n, k] : [k, n])], (i) => ((i * 5) % 9) - 4);
    const result = filled([...batch, m, n], (at) => {
      const [matrix, row, column] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
      let sum = 0;
      for (let l = 0; l < k; l++) {
        const left = a.data[matrix * m * k + (transposeA ? l * m + row : row * k + l)] ?? 0;
        sum += left * (b.data[matrix * k * n + (transposeB ? column * k + l : l * n + column)] ?? 0);
      }
      return sum;
    });
    return { a, b, result, attributes: { transposeA, transposeB } };
  });

describe('matmul', () => {
  test('multiplies stacks of matrices, either read transposed', () => {
    fc.assert(
      fc.property(products, ({ a, b, result, attributes }) => {
        expect(apply('matmul', [a, b], attributes)).toEqual(result);
      }),
      cases(200),
    );
  });

  test('has gradients of the shapes of its operands, with equal inner products', () => {
    fc.assert(
      fc.property(products, ({ a, b, result, attributes }) => {
        const [forA, forB] = gradients('matmul', [a, b], attributes, result);
        const form = result.data.reduce((sum, x) => sum + x * x, 0);
        for (const [gradient, operand] of [[forA, a] as const, [forB, b] as const]) {
          expect(gradient?.shape).toEqual(operand.shape);
          expect(gradient?.data.reduce((sum, g, i) => sum + g * (operand.data[i] ?? 0), 0)).toBe(form);
        }
      }),
      cases(100),
    );
  });

  test.each(ENGINES)('is exact on whole numbers in %s', async (_, run) => {
    await fc.assert(
      fc.asyncProperty(products, async ({ a, b, result, attributes }) => {
        expect(await run('matmul', [a, b], attributes)).toEqual(result);
      }),
      cases(60),
    );
  });

  test('counts a multiplication for each row, column and inner index, and refuses what does not fit', () => {
    const { macs, type } = REGISTRY.matmul;
    const attributes = { transposeA: false, transposeB: true };
    expect(macs([f32([2, 3, 4]), f32([2, 5, 4])], attributes, f32([2, 3, 5]))).toBe(2 * 3 * 4 * 5);
    expect(() => type([f32([3, 4]), f32([4, 5])], attributes)).toThrow('no product of [3,4] and [4,5]');
    expect(() => type([f32([2, 3, 4]), f32([3, 5, 4])], attributes)).toThrow('no product');
    expect(() => type([f32([4]), f32([5, 4])], attributes)).toThrow('a matrix is needed');
  });
});
