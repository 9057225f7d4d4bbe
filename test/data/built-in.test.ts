import { describe, expect, test } from 'vitest';
import { glyphs } from '../../runtime/data/glyphs.ts';
import { blur, type Canvas, drawSegment } from '../../runtime/data/raster.ts';
import { regression } from '../../runtime/data/regression.ts';
import type { Split } from '../../runtime/data/split.ts';

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

describe('regression', () => {
  const options = { samples: 4000, features: 6, noise: 0.5, seed: 11 };

  /** Least squares by the normal equations, solved by elimination; also the mean square of what remains. */
  function leastSquares(split: Split, features: number): { weights: number[]; residual: number } {
    const targets = split.targets ?? new Float32Array();
    const rows = Array.from({ length: split.count }, (_, i) => [
      ...split.x.subarray(i * features, (i + 1) * features),
    ]);
    const system = Array.from({ length: features }, (_, a) => [
      ...Array.from({ length: features }, (_, b) => sum(rows.map((row) => (row[a] ?? 0) * (row[b] ?? 0)))),
      sum(rows.map((row, i) => (row[a] ?? 0) * (targets[i] ?? 0))),
    ]);
    for (let pivot = 0; pivot < features; pivot++) {
      for (const [other, row] of system.entries()) {
        const factor = other === pivot ? 0 : (row[pivot] ?? 0) / (system[pivot]?.[pivot] ?? 1);
        row.forEach((_, column) => {
          row[column] = (row[column] ?? 0) - factor * (system[pivot]?.[column] ?? 0);
        });
      }
    }
    const weights = system.map((row, i) => (row[features] ?? 0) / (row[i] ?? 1));
    const errors = rows.map((row, i) => sum(row.map((x, j) => x * (weights[j] ?? 0))) - (targets[i] ?? 0));
    return { weights, residual: sum(errors.map((e) => e * e)) / split.count };
  }

  test('both parts follow the same weights, with noise of the stated deviation', () => {
    const { train, test: held } = regression(options);
    const [first, second] = [leastSquares(train, 6), leastSquares(held, 6)];
    first.weights.forEach((weight, j) => {
      expect(Math.abs(weight - (second.weights[j] ?? 0))).toBeLessThan(0.06);
    });
    expect(Math.sqrt(first.residual)).toBeCloseTo(0.5, 1);
    expect(Math.sqrt(second.residual)).toBeCloseTo(0.5, 1);
    expect(train.x).not.toEqual(held.x);
  });

  test('without noise the targets are exact', () => {
    expect(leastSquares(regression({ ...options, samples: 200, noise: 0 }).train, 6).residual).toBeLessThan(
      1e-10,
    );
  });

  test('the seed says everything', () => {
    expect(regression(options)).toEqual(regression(options));
    expect(regression({ ...options, seed: 12 }).train.targets).not.toEqual(regression(options).train.targets);
  });
});

describe('glyphs', () => {
  test('a sample depends on the seed, its part and its index alone', () => {
    const many = glyphs({ samples: 40, testSamples: 20, seed: 5 });
    const few = glyphs({ samples: 7, testSamples: 9, seed: 5 });
    expect(few.train.x).toEqual(many.train.x.slice(0, 7 * 784));
    expect(few.test.labels).toEqual(many.test.labels?.slice(0, 9));
    expect(many.test.x.slice(0, 784)).not.toEqual(many.train.x.slice(0, 784));
    expect(glyphs({ samples: 7, testSamples: 9, seed: 6 }).train.x).not.toEqual(few.train.x);
    expect(glyphs({ samples: 1, testSamples: 1, seed: 2 ** 40 + 5 }).train.x).not.toEqual(
      few.train.x.slice(0, 784),
    );
  });

  test('every digit is drawn as often; a linear classifier does not solve them', {
    timeout: 30_000,
  }, () => {
    const { train, test: held } = glyphs({ samples: 6000, testSamples: 1000, seed: 0 });
    const counts = Array.from(
      { length: 10 },
      (_, digit) => train.labels?.filter((label) => label === digit).length ?? 0,
    );
    // 600 expected; 6 standard deviations of a binomial with p = 0.1.
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(140);
    const accuracy = linearAccuracy(train, held);
    expect(accuracy).toBeGreaterThan(0.7);
    expect(accuracy).toBeLessThan(0.9);
  });
});

/** Test accuracy of softmax regression after five epochs of Adam in batches of 32, step size 0.002. */
function linearAccuracy(train: Split, held: Split): number {
  const inputs = 784;
  const weights = new Float64Array(10 * inputs);
  const m = new Float64Array(weights.length);
  const v = new Float64Array(weights.length);
  const gradient = new Float64Array(weights.length);
  const scores = (split: Split, i: number) =>
    Array.from({ length: 10 }, (_, k) => {
      let score = 0;
      for (let j = 0; j < inputs; j++)
        score += ((weights[k * inputs + j] ?? 0) * (split.x[i * inputs + j] ?? 0)) / 255;
      return score;
    });
  let t = 0;
  for (let i = 0; i < 5 * train.count; i++) {
    const sample = i % train.count;
    const logits = scores(train, sample);
    const largest = Math.max(...logits);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    const total = sum(exponentials);
    exponentials.forEach((exponential, k) => {
      const delta = (exponential / total - (train.labels?.[sample] === k ? 1 : 0)) / (32 * 255);
      for (let j = 0; j < inputs; j++)
        gradient[k * inputs + j] =
          (gradient[k * inputs + j] ?? 0) + delta * (train.x[sample * inputs + j] ?? 0);
    });
    if (i % 32 !== 31) continue;
    t++;
    gradient.forEach((g, p) => {
      m[p] = 0.9 * (m[p] ?? 0) + 0.1 * g;
      v[p] = 0.999 * (v[p] ?? 0) + 0.001 * g * g;
      const step = (m[p] ?? 0) / (1 - 0.9 ** t) / (Math.sqrt((v[p] ?? 0) / (1 - 0.999 ** t)) + 1e-8);
      weights[p] = (weights[p] ?? 0) - 0.002 * step;
    });
    gradient.fill(0);
  }
  let right = 0;
  for (let i = 0; i < held.count; i++) {
    const logits = scores(held, i);
    if (logits.indexOf(Math.max(...logits)) === held.labels?.[i]) right++;
  }
  return right / held.count;
}

describe('raster', () => {
  const blank = (size: number): Canvas => ({ size, pixels: new Float32Array(size * size) });

  test('ink is the area of the stroke, wherever between the pixels it lies', () => {
    for (const offset of [0, 0.2, 0.5, 0.9]) {
      const canvas = blank(20);
      drawSegment(canvas, 4 + offset, 9 + offset, 14 + offset, 9 + offset, 1.5);
      // A rectangle and two half discs; the discs' edges are smoothed, not exact.
      const area = 10 * 3 + Math.PI * 1.5 * 1.5;
      expect(Math.abs(sum(canvas.pixels) / area - 1)).toBeLessThan(0.03);
    }
  });

  test('a stroke off the canvas draws nothing; one across its edge stays inside', () => {
    const canvas = blank(5);
    drawSegment(canvas, -9, -9, -4, -4, 1);
    expect(sum(canvas.pixels)).toBe(0);
    drawSegment(canvas, -3, 2.5, 8, 2.5, 0.5);
    expect([...canvas.pixels]).toEqual([
      ...new Array(10).fill(0),
      ...new Array(5).fill(1),
      ...new Array(10).fill(0),
    ]);
  });

  test('blur spreads one point over its neighbours and keeps its ink', () => {
    const canvas = blank(5);
    canvas.pixels[12] = 1;
    blur(canvas, 0.25);
    const rows = [0, 1, 2, 3, 4].map((row) =>
      [...canvas.pixels.subarray(row * 5, row * 5 + 5)].map((value) => value * 16),
    );
    expect(rows).toEqual([
      [0, 0, 0, 0, 0],
      [0, 1, 2, 1, 0],
      [0, 2, 4, 2, 0],
      [0, 1, 2, 1, 0],
      [0, 0, 0, 0, 0],
    ]);
  });
});
