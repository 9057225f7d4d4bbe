import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChainLayer, lipschitzChain } from '../../compiler/analysis/lipschitz/chain.ts';
import { lipschitzPair } from '../../compiler/analysis/lipschitz/pair.ts';
import { type Matrix, matrix } from '../../compiler/norms/matrix.ts';
import { spectralNorm } from '../../compiler/norms/spectral.ts';
import { compare, fromNumber, multiply, ONE, toNumber, ZERO } from '../../compiler/numeric/bound.ts';
import { normals } from '../../compiler/numeric/random.ts';
import { largestSingularValue, product } from '../norms/norms-reference.ts';
import { cases } from '../support/property.ts';

function gaussian(rows: number, columns: number, seed: number): Matrix {
  const data = normals(seed, `weights ${rows}×${columns}`, 0, rows * columns);
  return matrix(
    rows,
    columns,
    Float64Array.from(data, (x) => x * Math.sqrt(2 / columns)),
  );
}

const dense = (weights: Matrix): ChainLayer => ({ kind: 'dense', weights });

/** Rows times 0 or 1, by the bits of a number: the slopes of relu. */
function masked({ rows, columns, data }: Matrix, bits: number): Matrix {
  return matrix(
    rows,
    columns,
    Float64Array.from(data, (x, at) => ((bits >> Math.floor(at / columns)) & 1) * x),
  );
}

/** The largest `‖W₂DW₁‖` over slopes in [0, 1]: convex in D, so attained where each slope is 0 or 1. */
function largestOverSlopes(first: Matrix, second: Matrix): number {
  return Array.from({ length: 2 ** first.rows }, (_, bits) =>
    largestSingularValue(product(second, masked(first, bits))),
  ).reduce((a, b) => Math.max(a, b), 0);
}

const size = fc.integer({ min: 1, max: 5 });
const weight = fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.constantFrom(0, 1, -1, 1e-8));
const weights = (rows: number, columns: number) =>
  fc
    .array(weight, { minLength: rows * columns, maxLength: rows * columns })
    .map((data) => matrix(rows, columns, data));
const pairs = fc
  .tuple(size, size, size)
  .chain(([inputs, hidden, outputs]) => fc.tuple(weights(hidden, inputs), weights(outputs, hidden)));

describe('the Lipschitz bound of two layers', () => {
  it('covers every choice of slopes and never exceeds the product', () => {
    fc.assert(
      fc.property(pairs, fc.constantFrom(0, 10, 60), ([first, second], evaluations) => {
        const bound = lipschitzPair(first, second, { evaluations });
        expect(toNumber(bound)).toBeGreaterThanOrEqual(largestOverSlopes(first, second) * (1 - 1e-13));
        expect(compare(bound, multiply(spectralNorm(second), spectralNorm(first)))).toBeLessThanOrEqual(0);
      }),
      cases(120),
    );
  });

  it('is close to the worst slopes of small random nets', () => {
    const seeds = Array.from({ length: 12 }, (_, seed) => seed);
    const ratios = seeds.map((seed) => {
      const [first, second] = [gaussian(7, 5, seed), gaussian(4, 7, seed)];
      return toNumber(lipschitzPair(first, second)) / largestOverSlopes(first, second);
    });
    expect(Math.min(...ratios)).toBeGreaterThanOrEqual(1 - 1e-13);
    expect(Math.max(...ratios)).toBeLessThan(1.15);
  });

  it('is exact for one hidden unit and for unconnected ones', () => {
    const one = lipschitzPair(matrix(1, 2, [3, 4]), matrix(2, 1, [5, 12]));
    expect(toNumber(one) / 65).toBeGreaterThanOrEqual(1);
    expect(toNumber(one) / 65).toBeLessThan(1 + 1e-4);
    // Units of gains 8 · ⅛ and ⅛ · 8: the product of the norms is 64.
    const crossed = lipschitzPair(matrix(2, 2, [8, 0, 0, 1 / 8]), matrix(2, 2, [1 / 8, 0, 0, 8]));
    expect(toNumber(crossed)).toBeGreaterThanOrEqual(1);
    expect(toNumber(crossed)).toBeLessThan(1 + 1e-4);
  });

  it('ignores hidden units that nothing reaches or that reach nothing', () => {
    const alive = lipschitzPair(matrix(1, 2, [3, 4]), matrix(2, 1, [5, 12]));
    const among = lipschitzPair(matrix(3, 2, [1, 1, 3, 4, 0, 0]), matrix(2, 3, [0, 5, 7, 0, 12, 7]));
    expect(toNumber(among)).toBeCloseTo(toNumber(alive), 6);
    expect(lipschitzPair(matrix(2, 1, [1, 0]), matrix(1, 2, [0, 1]))).toEqual(ZERO);
    expect(lipschitzPair(matrix(2, 1, [0, 0]), matrix(1, 2, [1, 1]))).toEqual(ZERO);
  });

  it('only gains from the search', () => {
    const [first, second] = [gaussian(30, 40, 1), gaussian(10, 30, 1)];
    const [none, some, many] = [0, 30, 200].map((evaluations) =>
      toNumber(lipschitzPair(first, second, { evaluations })),
    );
    expect(some).toBeLessThan(none ?? 0);
    expect(many).toBeLessThanOrEqual((some ?? 0) * (1 + 1e-5));
  });

  it.each([
    [1e300, 1e-300],
    [1e-300, 1e-300],
    [1e300, 1e300],
    [2 ** -1060, 2 ** 1000],
  ])('holds for layers of magnitude %d and %d', (a, b) => {
    const [first, second] = [gaussian(6, 5, 7), gaussian(4, 6, 7)];
    const by = (m: Matrix, factor: number) =>
      matrix(
        m.rows,
        m.columns,
        Array.from(m.data, (x) => x * factor),
      );
    const truth = multiply(
      fromNumber(largestOverSlopes(first, second)),
      multiply(fromNumber(a), fromNumber(b)),
    );
    const bound = lipschitzPair(by(first, a), by(second, b));
    // Weights of 2^-1060 have 14 bits left.
    const within = (factor: number) => multiply(truth, fromNumber(factor));
    expect(compare(bound, within(1 - 2 ** -12))).toBeGreaterThanOrEqual(0);
    expect(compare(bound, within(1.15))).toBeLessThanOrEqual(0);
  });

  it('refuses layers that do not meet', () => {
    expect(() => lipschitzPair(gaussian(3, 2, 1), gaussian(2, 4, 1))).toThrow('3 outputs meet 4 inputs');
  });
});

describe('the Lipschitz bound of a chain', () => {
  const net = [gaussian(12, 8, 1), gaussian(10, 12, 2), gaussian(11, 10, 3), gaussian(4, 11, 4)];

  it('is at most the product, and below it for random weights', () => {
    const { lipschitzL2, product: all } = lipschitzChain(net.map(dense));
    expect(toNumber(lipschitzL2)).toBeLessThan(0.8 * toNumber(all));
    const closed = lipschitzChain(net.map(dense), { evaluations: 0 });
    expect(compare(closed.lipschitzL2, closed.product)).toBeLessThanOrEqual(0);
  });

  it('covers the slopes between inputs, searched uphill', () => {
    const bias = net.map(({ rows }, i) => normals(i, 'bias', 0, rows));
    const apply = (x: Float64Array) =>
      net.reduce<Float64Array>((h, layer, i) => {
        const y = product(layer, matrix(h.length, 1, h)).data;
        return Float64Array.from(y, (v, at) => {
          const z = v + (bias[i]?.[at] ?? 0);
          return i === net.length - 1 ? z : Math.max(0, z);
        });
      }, x);
    const slope = (x: Float64Array, d: Float64Array) => {
      const [from, to] = [apply(x), apply(x.map((v, i) => v + (d[i] ?? 0)))];
      return Math.hypot(...to.map((v, i) => v - (from[i] ?? 0))) / Math.hypot(...d);
    };
    let best = 0;
    for (let start = 0; start < 20; start++) {
      let x = Float64Array.from(normals(start, 'x', 0, 8), (v) => 3 * v);
      let d = Float64Array.from(normals(start, 'd', 0, 8));
      let at = slope(x, d);
      for (let step = 0; step < 150; step++) {
        const noise = normals(start, 'move', step, 16);
        const x2 = x.map((v, i) => v + 0.5 * (noise[i] ?? 0));
        const d2 = d.map((v, i) => 0.8 * (v + 0.4 * (noise[8 + i] ?? 0)));
        const next = slope(x2, d2);
        if (next > at) [x, d, at] = [x2, d2, next];
      }
      best = Math.max(best, at);
    }
    const bound = toNumber(lipschitzChain(net.map(dense)).lipschitzL2);
    expect(bound).toBeGreaterThanOrEqual(best);
    expect(best).toBeGreaterThan(bound / 8);
  });

  it('gives the bound of every suffix, each at most the layer times the rest', () => {
    const layers = net.map(dense);
    const { suffixes } = lipschitzChain(layers);
    expect(suffixes.at(-1)).toEqual(ONE);
    for (const i of net.keys()) {
      expect(lipschitzChain(layers.slice(i)).lipschitzL2).toEqual(suffixes[i]);
      const norm = spectralNorm(net[i] ?? gaussian(1, 1, 1));
      expect(compare(suffixes[i] ?? ZERO, multiply(norm, suffixes[i + 1] ?? ZERO))).toBeLessThanOrEqual(0);
    }
  });

  it('takes other layers by their bounds', () => {
    const half = fromNumber(0.5);
    const [first, second] = [gaussian(6, 5, 1), gaussian(3, 6, 1)];
    const pair = lipschitzPair(first, second);
    const { lipschitzL2 } = lipschitzChain([
      { kind: 'bounded', lipschitzL2: half },
      dense(first),
      dense(second),
    ]);
    expect(lipschitzL2).toEqual(multiply(half, pair));
    const apart = lipschitzChain([dense(first), { kind: 'bounded', lipschitzL2: ONE }, dense(second)]);
    expect(apart.lipschitzL2).toEqual(apart.product);
    expect(lipschitzChain([]).lipschitzL2).toEqual(ONE);
  });

  it('is finite for a thousand layers', () => {
    const layers = Array.from({ length: 1000 }, (_, i) => {
      const { rows, columns, data } = gaussian(8, 8, i);
      return dense(
        matrix(
          rows,
          columns,
          Array.from(data, (x) => 4 * x),
        ),
      );
    });
    const { lipschitzL2, product: all } = lipschitzChain(layers, { evaluations: 0 });
    expect(toNumber(lipschitzL2)).toBe(Number.POSITIVE_INFINITY);
    expect(lipschitzL2.exponent).toBeLessThan(all.exponent);
    expect(lipschitzL2.exponent).toBeGreaterThan(1023);
  });
});
