import { permutation, uniforms } from '../../compiler/numeric/random.ts';

/** Draws `count` numbers; the same key draws the same ones. */
export type Draw = (key: string, count: number) => number[];

const SEED = 7;

function unit(key: string, count: number): number[] {
  return Array.from(uniforms(SEED, key, 0, count));
}

/** Between −2 and 2. */
export const real: Draw = (key, count) => unit(key, count).map((u) => 4 * u - 2);

/** Between 0.5 and 2.5. */
export const positive: Draw = (key, count) => unit(key, count).map((u) => 0.5 + 2 * u);

/** Of either sign, with a magnitude between 0.25 and 2.25: away from a kink at 0. */
export const awayFromZero: Draw = (key, count) => {
  const signs = unit(`${key} sign`, count);
  return unit(key, count).map((u, i) => ((signs[i] ?? 0) < 0.5 ? -1 : 1) * (0.25 + 2 * u));
};

/**
 * Values at least 1/8 apart in random order around 0, so that no two come close: away from ties. Two tensors drawn with
 * offsets that differ by 1/2 are 1/16 apart from each other too.
 */
export function spaced(offset = 0): Draw {
  return (key, count) =>
    Array.from(permutation(SEED, key, 0, count), (i) => (i - Math.floor(count / 2) + 0.25 + offset) / 8);
}

/** In [0, 1), as noise is. */
export const noise: Draw = unit;

/** Rows of `classes` numbers that are positive and sum to 1. */
export function distributions(classes: number): Draw {
  return (key, count) => {
    const weights = positive(key, count);
    return weights.map((w, i) => {
      const row = Math.floor(i / classes) * classes;
      return w / weights.slice(row, row + classes).reduce((a, b) => a + b, 0);
    });
  };
}

/** Whole numbers from `min` to `max`. */
export function integers(min: number, max: number): Draw {
  return (key, count) => unit(key, count).map((u) => min + Math.floor(u * (max - min + 1)));
}

/** The given numbers. */
export function exactly(...values: readonly number[]): Draw {
  return () => [...values];
}
