import type { PoolWindow } from '../../ir/op-attributes.ts';
import { forEachWindow } from '../../ops/pooling/evaluate.ts';
import type { ProbeTensor } from './contract.ts';
import { density, upperTail } from './normal.ts';

/**
 * Moments of what a switching relu or pooling adds to its frozen self, for a forward error that is normal with standard deviation τ
 * (`probability-mode.md`, B). With `t = |z|/τ` and `P = Φ(−t)`:
 *
 * - relu in F: mean `τ(φ(t) − tP)`, second moment `τ²[(1+t²)P − tφ(t)]`;
 * - relu in B, v the cotangent: mean `−sign(z)·v·P`, variance `v²·P(1−P)`;
 * - a loser j of a pooling window at distance d from the winner, τ that of the difference: the same with `t = d/τ` in F; in B one random
 *   variable a pair moves v from the winner to j with probability P.
 */
export interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** The remainder of a maximum of two values at distance `d` whose difference has standard deviation τ. */
export function remainder(d: number, tau: number): Moments {
  if (!(tau > 0)) return { mean: 0, variance: 0 };
  const t = Math.abs(d) / tau;
  if (t > FAR) return { mean: 0, variance: 0 };
  const p = upperTail(t);
  const mean = Math.max(0, tau * (density(t) - t * p));
  return { mean, variance: Math.max(0, tau * tau * ((1 + t * t) * p - t * density(t)) - mean * mean) };
}

/** The probability of a switch. */
export function switching(d: number, tau: number): number {
  if (!(tau > 0)) return 0;
  const t = Math.abs(d) / tau;
  return t > FAR ? 0 : upperTail(t);
}

/** Beyond so many standard deviations a switch is left out: Φ(−6) is 10⁻⁹. */
const FAR = 6;

/** The losers of every window of a pooling: flat places in z, and the window's in the result. */
export interface PoolPairs {
  readonly winner: Int32Array;
  readonly loser: Int32Array;
  readonly output: Int32Array;
}

export function poolPairs(z: ProbeTensor, window: PoolWindow): PoolPairs {
  const members: number[][] = [];
  forEachWindow(z.shape, window, (output, place) => {
    const known = members[output];
    if (known) known.push(place);
    else members[output] = [place];
  });
  const winner: number[] = [];
  const loser: number[] = [];
  const output: number[] = [];
  members.forEach((places, o) => {
    const best = places.reduce((a, b) => ((z.data[b] ?? 0) > (z.data[a] ?? 0) ? b : a));
    for (const place of places) {
      if (place === best) continue;
      winner.push(best);
      loser.push(place);
      output.push(o);
    }
  });
  return { winner: Int32Array.from(winner), loser: Int32Array.from(loser), output: Int32Array.from(output) };
}

/** Scales the switching probabilities of each window to a sum of at most 1. */
export function capped(pairs: PoolPairs, probabilities: Float32Array): Float32Array {
  const sums = new Map<number, number>();
  probabilities.forEach((p, i) => {
    if (p > 0) sums.set(pairs.output[i] ?? 0, (sums.get(pairs.output[i] ?? 0) ?? 0) + p);
  });
  return probabilities.map((p, i) => p / Math.max(1, sums.get(pairs.output[i] ?? 0) ?? 1));
}
