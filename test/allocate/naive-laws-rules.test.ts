import { describe, expect, test } from 'vitest';
import { levelAbove } from '../../compiler/allocate/rules/level-above.ts';
import { type PaperLayer, paperBits, paperRequest } from '../../compiler/allocate/rules/paper.ts';
import {
  type ToleranceLayer,
  toleranceBits,
  toleranceRequest,
} from '../../compiler/allocate/rules/tolerance.ts';

const LEVELS = [4, 8, 16, 32];

describe('the published rule', () => {
  const layer: PaperLayer = { curvature: 8, parameterNorm: 4, gradientNorm: 2 };

  test('is ⌈log₂(κ·‖θ‖/‖g‖)⌉ + 4 of a layer, but no less than ⌈log₂(L_T/‖g‖)⌉ and 4', () => {
    const flat = { ...layer, curvature: 2 ** -10 };
    expect(paperRequest({ gain: 3, gradientNorm: 2, layers: [layer, flat] })).toEqual({
      minimum: 1,
      layers: [8, -5],
    });
    expect(paperBits({ gain: 3, gradientNorm: 2, layers: [layer, flat] }, LEVELS)).toEqual([8, 4]);
    expect(paperBits({ gain: 2 ** 9, gradientNorm: 1, layers: [layer, flat] }, LEVELS)).toEqual([16, 16]);
  });

  test('gives the widest level where the gradient is zero, and asks for nothing without curvature', () => {
    const still = { ...layer, gradientNorm: 0 };
    expect(paperRequest({ gain: 1, gradientNorm: 1, layers: [still] }).layers).toEqual([Infinity]);
    expect(paperBits({ gain: 1, gradientNorm: 1, layers: [still] }, LEVELS)).toEqual([32]);
    expect(paperBits({ gain: 1, gradientNorm: 1, layers: [{ ...still, curvature: 0 }] }, LEVELS)).toEqual([
      4,
    ]);
  });
});

describe('the repaired rule', () => {
  const layer: ToleranceLayer = { range: 1, curvature: 3, gradientSquare: 4, minibatchVariance: 1 };

  test('keeps the shift of the gradient at the step of its own width at τ·√max(‖g‖², tr Σ/B)', () => {
    for (const tolerance of [1e-6, 0.01, 0.1, 1]) {
      for (const minibatchVariance of [1, 9]) {
        const bits = toleranceRequest({ ...layer, minibatchVariance }, tolerance);
        const step = layer.range / (2 ** (bits - 1) - 1);
        const shift = (step / Math.sqrt(12)) * layer.curvature;
        expect(shift / (tolerance * Math.sqrt(Math.max(4, minibatchVariance)))).toBeCloseTo(1, 10);
      }
    }
  });

  test('is finite as the gradient goes to zero, and an estimate below zero counts as zero', () => {
    const noisy = toleranceRequest({ ...layer, gradientSquare: 0 }, 0.1);
    expect(noisy).toBeLessThan(5);
    expect(toleranceRequest({ ...layer, gradientSquare: -3 }, 0.1)).toBe(noisy);
    expect(toleranceBits([{ ...layer, gradientSquare: -1, minibatchVariance: 0 }], 0.1, LEVELS)).toEqual([
      32,
    ]);
    expect(toleranceBits([{ ...layer, curvature: 0, minibatchVariance: 0 }], 0.1, LEVELS)).toEqual([4]);
  });
});

test('a rule that asks for more than there is gets the widest level', () => {
  expect([4, 4.1, 8, 33].map((bits) => levelAbove(bits, LEVELS))).toEqual([4, 8, 8, 32]);
  expect(() => levelAbove(4, [])).toThrow('at least one level');
});
