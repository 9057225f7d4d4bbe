import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  noisePool,
  normals,
  POOL_STEPS,
  permutation,
  philox,
  poolOffset,
  poolSize,
  streamId,
  uniforms,
  words,
} from '../../compiler/numeric/random.ts';
import { cases } from '../support/property.ts';

/** Mean, variance, third and fourth standardized moments. */
function moments(values: ArrayLike<number>) {
  const n = values.length;
  const power = (about: number, k: number): number =>
    Array.from(values).reduce((sum, x) => sum + (x - about) ** k, 0) / n;
  const mean = power(0, 1);
  const variance = power(mean, 2);
  return {
    mean,
    variance,
    skewness: power(mean, 3) / variance ** 1.5,
    kurtosis: power(mean, 4) / variance ** 2,
  };
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [moments(a), moments(b)];
  const products = Array.from(a, (x, i) => (x - ma.mean) * ((b[i] ?? 0) - mb.mean));
  return moments(products).mean / Math.sqrt(ma.variance * mb.variance);
}

describe('Philox4x32-10', () => {
  // The known answers of the Random123 distribution (`kat_vectors`).
  test.each([
    [[0, 0, 0, 0, 0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [new Array(6).fill(0xffffffff), '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('gives the known answer for %j', ([c0 = 0, c1 = 0, c2 = 0, c3 = 0, k0 = 0, k1 = 0], answer) => {
    const out = new Uint32Array(4);
    philox(out, c0, c1, c2, c3, k0, k1);
    expect(Array.from(out, (word) => word.toString(16).padStart(8, '0')).join(' ')).toBe(answer);
  });

  test('is read word by word: a longer draw begins with a shorter one', () => {
    expect([...words(5, 'a', 1, 7)]).toEqual([...words(5, 'a', 1, 16).subarray(0, 7)]);
  });

  test('draws other words for another seed, stream or epoch', () => {
    const drawn = [
      words(1, 'a', 0, 4),
      words(2, 'a', 0, 4),
      words(2 ** 32 + 1, 'a', 0, 4),
      words(1, 'b', 0, 4),
      words(1, 'a', 1, 4),
    ];
    expect(new Set(drawn.map(String)).size).toBe(drawn.length);
  });
});

test('stream names are hashed with FNV-1a', () => {
  expect(streamId('')).toBe(0x811c9dc5);
  expect(streamId('a')).toBe(0xe40c292c);
  expect(streamId('foobar')).toBe(0xbf9cf968);
});

describe('distributions', () => {
  const count = 1 << 18;

  test('uniforms are multiples of 2⁻²⁴ in [0, 1) with the moments of the uniform distribution', () => {
    const u = uniforms(3, 'u', 0, count);
    expect(u.every((x) => x >= 0 && x < 1 && Number.isInteger(x * 2 ** 24))).toBe(true);
    const { mean, variance, kurtosis } = moments(u);
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 / Math.sqrt(12 * count));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 / Math.sqrt(180 * count));
    expect(Math.abs(kurtosis - 1.8)).toBeLessThan(0.02);
  });

  test('uniforms fill 256 bins evenly', () => {
    const bins = new Float64Array(256);
    for (const x of uniforms(4, 'u', 0, count))
      bins[Math.floor(x * 256)] = (bins[Math.floor(x * 256)] ?? 0) + 1;
    const expected = count / 256;
    const chiSquared = bins.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: mean 255, standard deviation 22.6.
    expect(Math.abs(chiSquared - 255)).toBeLessThan(5 * 22.6);
  });

  test('normals have the moments of the standard normal distribution and are bounded', () => {
    const n = normals(3, 'n', 0, count);
    const { mean, variance, skewness, kurtosis } = moments(n);
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(skewness)).toBeLessThan(5 * Math.sqrt(6 / count));
    expect(Math.abs(kurtosis - 3)).toBeLessThan(5 * Math.sqrt(24 / count));
    expect(n.every((x) => Math.abs(x) < 5.9)).toBe(true);
    expect(normals(3, 'n', 0, 7)).toEqual(n.slice(0, 7));
  });

  test('neighbours, streams and epochs are uncorrelated', () => {
    const u = uniforms(5, 'a', 0, count);
    for (const other of [
      u.slice(1),
      uniforms(5, 'b', 0, count),
      uniforms(5, 'a', 1, count),
      uniforms(6, 'a', 0, count),
    ]) {
      expect(Math.abs(correlation(u.slice(0, other.length), other))).toBeLessThan(5 / Math.sqrt(count));
    }
  });
});

test('a permutation holds every index once', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.nat(300), (seed, count) => {
      expect([...permutation(seed, 'order', 3, count)].sort((a, b) => a - b)).toEqual(
        Array.from({ length: count }, (_, i) => i),
      );
    }),
    cases(100),
  );
});

describe('the noise pool', () => {
  test('serves a fixed number of steps and is then drawn anew', () => {
    const size = 256;
    const first = noisePool('uniform', 1, 0, size);
    expect(noisePool('uniform', 1, POOL_STEPS - 1, size)).toEqual(first);
    expect(noisePool('uniform', 1, POOL_STEPS, size)).not.toEqual(first);
    expect(noisePool('normal', 1, 0, size)).not.toEqual(first);
  });

  test('has room for every slice', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 31),
        fc.nat(10 ** 6),
        fc.integer({ min: 1, max: 10 ** 6 }),
        (seed, step, count) => {
          const size = poolSize(count);
          const offset = poolOffset(seed, step, 'c1.grad', count, size);
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset + count).toBeLessThanOrEqual(size);
        },
      ),
      cases(500),
    );
  });

  test('is read at offsets that are spread evenly and do not depend on each other', () => {
    const [count, size, steps] = [1000, 2 ** 16, 1 << 14];
    const at = (stream: string, shift = 0): Float64Array =>
      Float64Array.from(
        { length: steps },
        (_, step) => poolOffset(9, step + shift, stream, count, size) / (size - count + 1),
      );
    const offsets = at('c1.grad');
    const { mean, variance } = moments(offsets);
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 / Math.sqrt(12 * steps));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 / Math.sqrt(180 * steps));
    for (const other of [at('c2.grad'), at('c1.grad', 1), at('c1.grad', 2)]) {
      expect(Math.abs(correlation(offsets, other))).toBeLessThan(5 / Math.sqrt(steps));
    }
  });
});
