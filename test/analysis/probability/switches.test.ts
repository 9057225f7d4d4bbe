import { describe, expect, it } from 'vitest';
import { density, upperTail } from '../../../compiler/analysis/probability/normal.ts';
import { signs } from '../../../compiler/analysis/probability/signs.ts';
import { capped, poolPairs, remainder, switching } from '../../../compiler/analysis/probability/switches.ts';
import { normals } from '../../../compiler/numeric/random.ts';

const N = 200_000;
const draws = normals(5, 'switches', 0, N);

function moments(of: (e: number) => number): { mean: number; variance: number } {
  let mean = 0;
  let square = 0;
  for (const e of draws) {
    const y = of(e);
    mean += y / N;
    square += (y * y) / N;
  }
  return { mean, variance: square - mean * mean };
}

describe('the normal distribution', () => {
  it('has the tail that the density integrates to', () => {
    for (const t of [0, 0.5, 1, 2, 4, 7]) {
      let integral = 0;
      for (let i = 0; i < 4000; i++) integral += density(t + (i + 0.5) * 0.004) * 0.004;
      expect(upperTail(t) / integral).toBeCloseTo(1, 4);
    }
  });
});

describe('one switching relu', () => {
  for (const [z, tau] of [
    [0.3, 1],
    [-0.5, 0.4],
    [0.05, 0.2],
    [-2, 1],
  ] as const) {
    it(`leaves the remainder of its tangent that ${N} draws have, at ${z} ± ${tau}`, () => {
      const rest = moments((e) => Math.max(0, z + tau * e) - Math.max(0, z) - (z > 0 ? tau * e : 0));
      const { mean, variance } = remainder(z, tau);
      expect(Math.abs(mean - rest.mean)).toBeLessThan(0.01 * tau);
      expect(Math.abs(variance - rest.variance)).toBeLessThan(0.01 * tau * tau);
    });

    it(`lets a cotangent through as often as draws do, at ${z} ± ${tau}`, () => {
      const v = -1.7;
      const real = moments((e) => v * (Number(z + tau * e > 0) - Number(z > 0)));
      const p = switching(z, tau);
      expect(Math.abs(-Math.sign(z) * v * p - real.mean)).toBeLessThan(0.01);
      expect(Math.abs(v * v * p * (1 - p) - real.variance)).toBeLessThan(0.02);
    });
  }

  it('does not switch without an error', () => {
    expect(remainder(0, 0)).toEqual({ mean: 0, variance: 0 });
    expect(switching(0, 0)).toBe(0);
  });
});

describe('one switching pooling', () => {
  const z = { shape: [1, 1, 2, 2], data: Float64Array.of(1, 0.8, -3, 0.1) };
  const window = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] } as const;
  const pairs = poolPairs(z, window);

  it('has a pair for every loser', () => {
    expect([...pairs.winner]).toEqual([0, 0, 0]);
    expect([...pairs.loser]).toEqual([1, 2, 3]);
    expect([...pairs.output]).toEqual([0, 0, 0]);
  });

  it('moves the cotangent to the nearest loser as often as draws do', () => {
    const tau = 0.15;
    const p = switching(0.2, tau * Math.SQRT2);
    let won = 0;
    for (let i = 0; i + 1 < N; i += 2)
      won += Number(0.8 + tau * (draws[i] ?? 0) > 1 + tau * (draws[i + 1] ?? 0));
    expect(Math.abs(p - won / (N / 2))).toBeLessThan(0.005);
  });

  it('moves it at most once', () => {
    const sum = capped(pairs, Float32Array.of(0.5, 0.5, 0.5)).reduce((a, b) => a + b);
    expect(sum).toBeCloseTo(1);
    expect([...capped(pairs, Float32Array.of(0.25, 0, 0.5))]).toEqual([0.25, 0, 0.5]);
  });
});

describe('random signs', () => {
  it('are ±1, balanced, and a function of their names', () => {
    const a = signs(1, 'a', 0, 10_000);
    expect(a.every((s) => s === 1 || s === -1)).toBe(true);
    expect(Math.abs(a.reduce((x, y) => x + y))).toBeLessThan(400);
    expect(signs(1, 'a', 0, 10_000)).toEqual(a);
    expect(signs(1, 'a', 1, 10_000)).not.toEqual(a);
  });
});
