import { Random } from './random.ts';

/** Unit roundoff of float32. */
const U = 2 ** -24;

/** The smallest normal float32 number. */
const NORMAL = 2 ** -126;

const LARGEST = 2 ** 128 * (1 - 2 ** -24);

/**
 * Which way results are rounded: `nearest` is float32 itself, `none` real arithmetic, the others go as far from the exact result r as
 * the standard model lets them, to `r·(1 ± u)`: up, down, away from 0, towards 0, by a coin for each result, or by any fraction of u.
 */
export const DIRECTIONS = ['nearest', 'none', 'up', 'down', 'away', 'toward', 'coin', 'any'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** In which order a sum is accumulated. */
export const ORDERS = ['forward', 'backward', 'shuffled', 'pairwise'] as const;
export type Order = (typeof ORDERS)[number];

/** What chooses wherever a float32 program may come out one way or another. */
export class Adversary {
  readonly random: Random;
  readonly direction: Direction;
  readonly order: Order;
  /** What stochastic rounding draws: the least or the largest noise, either by a coin, or what the graph says. */
  readonly noise: 'least' | 'most' | 'coin' | 'given';

  constructor(
    seed: number,
    {
      direction,
      order,
      noise,
    }: {
      readonly direction?: Direction;
      readonly order?: Order;
      readonly noise?: Adversary['noise'];
    } = {},
  ) {
    this.random = new Random(seed);
    this.direction = direction ?? this.random.pick(DIRECTIONS);
    this.order = order ?? this.random.pick(ORDERS);
    this.noise = noise ?? this.random.pick(['least', 'most', 'coin', 'given'] as const);
  }

  /** A sum or difference, or a root: `r·(1 + δ)`, `|δ| ≤ units·u`. Float32 sums that underflow are exact. */
  round(r: number, units = 1): number {
    if (this.direction === 'nearest' && units === 1) return Math.abs(r) < NORMAL ? r : nearest(r);
    return r + this.#slope(r) * units * U * Math.abs(r);
  }

  /** A product or quotient, which besides may lose half the smallest subnormal number. */
  product(r: number): number {
    if (this.direction === 'nearest') return nearest(r);
    const magnitude = Math.abs(r);
    return r + this.#slope(r) * Math.min(U * Math.max(magnitude, NORMAL), magnitude);
  }

  /** exp, to 16 units of roundoff; a result below the normal numbers may be flushed to 0. */
  exponential(r: number): number {
    if (this.direction === 'nearest') return nearest(r);
    if (r < NORMAL) return r + this.#slope(r) * r;
    return this.round(r, 16);
  }

  /** log, to 8 units of roundoff. */
  logarithm(r: number): number {
    return this.direction === 'nearest' ? nearest(r) : this.round(r, 8);
  }

  /** A sum of any number of terms in the adversary's order. */
  sum(terms: readonly number[]): number {
    if (this.order === 'pairwise') return this.#pairwise(terms, 0, terms.length);
    const list = [...terms];
    if (this.order === 'backward') list.reverse();
    if (this.order === 'shuffled') {
      for (let i = list.length - 1; i > 0; i--) {
        const j = this.random.below(i + 1);
        [list[i], list[j]] = [list[j] ?? 0, list[i] ?? 0];
      }
    }
    let total = list[0] ?? 0;
    for (let i = 1; i < list.length; i++) total = this.round(total + (list[i] ?? 0));
    return total;
  }

  #pairwise(terms: readonly number[], start: number, end: number): number {
    if (end - start <= 1) return start < end ? (terms[start] ?? 0) : 0;
    const middle = (start + end) >> 1;
    return this.round(this.#pairwise(terms, start, middle) + this.#pairwise(terms, middle, end));
  }

  /** The draw of stochastic rounding, in [0, 1). */
  draw(given: number): number {
    switch (this.noise) {
      case 'given':
        return given;
      case 'least':
        return 0;
      case 'most':
        return 1 - 2 ** -24;
      case 'coin':
        return this.random.chance(0.5) ? 0 : 1 - 2 ** -24;
    }
  }

  /** In [−1, 1]: the share of the allowed error that is made. */
  #slope(r: number): number {
    switch (this.direction) {
      case 'none':
        return 0;
      case 'up':
        return 1;
      case 'down':
        return -1;
      case 'away':
        return Math.sign(r);
      case 'toward':
        return -Math.sign(r);
      case 'nearest':
      case 'coin':
        return this.random.sign();
      case 'any':
        return this.random.between(-1, 1);
    }
  }
}

/** The nearest float32 number; what overflows is left as it is, for bounds are of numbers that do not. */
function nearest(r: number): number {
  return Math.abs(r) > LARGEST ? r : Math.fround(r);
}
