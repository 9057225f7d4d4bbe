import { lookup } from '../../lower/lookup.ts';
import type { NearestModel, ProbeTensor, ProbeTensors } from './contract.ts';
import { roundingNoise } from './noise.ts';
import type { Kink } from './perturb.ts';
import { signs } from './signs.ts';
import { kinkNames, operandName, type Study, siteNames } from './study.ts';
import { capped, type PoolPairs, poolPairs, remainder, switching } from './switches.ts';

/** What one point adds to the step: independent elements with a mean, and for a pooling in B one variable a pair. */
export interface Injection {
  readonly point: string;
  readonly shape: readonly number[];
  /** Standard deviation of each element. */
  readonly deviation?: Float32Array;
  readonly mean?: Float32Array;
  /** `amount[i]` is moved from winner to loser with a random sign. */
  readonly moves?: { readonly pairs: PoolPairs; readonly amount: Float32Array };
}

/** Squared forward error τ² by kink: of each element of a relu's operand, of each pair of a pooling. */
export type ForwardErrors = ReadonlyMap<string, Float32Array>;

/** The roundings of the planned formats at the values of a base pass. */
export function siteInjections(
  study: Study,
  base: ProbeTensors,
  nearest: NearestModel,
): readonly Injection[] {
  return study.perturbed.sites
    .filter((site) => site.phase !== 'U')
    .map((site) => {
      const names = siteNames(site.name);
      const x = lookup(base, names.x);
      const noise = roundingNoise(x, lookup(base, names.scale), site.element, site.rounding, nearest);
      const deviation = noise.variance.map(Math.sqrt);
      return { point: site.name, shape: x.shape, deviation, ...(noise.mean ? { mean: noise.mean } : {}) };
    });
}

/** What the switches of every kink add, given its forward error. */
export function kinkInjections(
  study: Study,
  base: ProbeTensors,
  errors: ForwardErrors,
): readonly Injection[] {
  return study.perturbed.kinks.flatMap((kink) => {
    const z = lookup(base, operandName(kink));
    const squares = errors.get(kink.name);
    if (!squares) return [];
    const cotangents = kink.backward.map((_, i) => lookup(base, kinkNames(kink, i).v));
    return kink.kind === 'relu'
      ? reluInjections(kink, z, squares, cotangents)
      : poolInjections(kink, z, squares, cotangents);
  });
}

function reluInjections(
  kink: Kink,
  z: ProbeTensor,
  squares: Float32Array,
  cotangents: readonly ProbeTensor[],
): readonly Injection[] {
  const size = z.data.length;
  const forward = { mean: new Float32Array(size), deviation: new Float32Array(size) };
  const probability = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const tau = Math.sqrt(squares[i] ?? 0);
    const value = z.data[i] ?? 0;
    const p = switching(value, tau);
    if (p === 0) continue;
    const { mean, variance } = remainder(value, tau);
    forward.mean[i] = mean;
    forward.deviation[i] = Math.sqrt(variance);
    probability[i] = p;
  }
  return [
    { point: kinkNames(kink).forward, shape: z.shape, ...forward },
    ...cotangents.map((v, index) => ({
      point: kinkNames(kink, index).back,
      shape: z.shape,
      mean: probability.map((p, i) => ((z.data[i] ?? 0) > 0 ? -p : p) * (v.data[i] ?? 0)),
      deviation: probability.map((p, i) => Math.abs(v.data[i] ?? 0) * Math.sqrt(p * (1 - p))),
    })),
  ];
}

function poolInjections(
  kink: Kink,
  z: ProbeTensor,
  squares: Float32Array,
  cotangents: readonly ProbeTensor[],
): readonly Injection[] {
  const pairs = pairsOf(kink, z);
  const outputs = lookup(new Map(cotangents.map((v, i) => [i === 0 ? 'first' : `${i}`, v])), 'first');
  const forward = {
    mean: new Float32Array(outputs.data.length),
    deviation: new Float32Array(outputs.data.length),
  };
  const raw = new Float32Array(pairs.winner.length);
  for (let i = 0; i < raw.length; i++) {
    const best = z.data[pairs.winner[i] ?? 0] ?? 0;
    const d = best - (z.data[pairs.loser[i] ?? 0] ?? 0);
    const tau = Math.sqrt(squares[i] ?? 0);
    raw[i] = switching(d, tau);
    // Behind a relu a window that is negative gives 0 whoever wins.
    if (raw[i] === 0 || (kink.rectified && best <= 0)) continue;
    const { mean, variance } = remainder(d, tau);
    const o = pairs.output[i] ?? 0;
    forward.mean[o] = (forward.mean[o] ?? 0) + mean;
    forward.deviation[o] = Math.sqrt((forward.deviation[o] ?? 0) ** 2 + variance);
  }
  const probability = capped(pairs, raw);
  return [
    { point: kinkNames(kink).forward, shape: outputs.shape, ...forward },
    ...cotangents.map((v, index) => {
      const mean = new Float32Array(z.data.length);
      const amount = probability.map((p, i) => {
        const moved = v.data[pairs.output[i] ?? 0] ?? 0;
        const [w, l] = [pairs.winner[i] ?? 0, pairs.loser[i] ?? 0];
        mean[w] = (mean[w] ?? 0) - p * moved;
        mean[l] = (mean[l] ?? 0) + p * moved;
        return moved * Math.sqrt(p * (1 - p));
      });
      return { point: kinkNames(kink, index).back, shape: z.shape, mean, moves: { pairs, amount } };
    }),
  ];
}

/** The pairs of a pooling at its operand's values. */
export function pairsOf(kink: Kink, z: ProbeTensor): PoolPairs {
  if (!kink.window) throw new Error(`${kink.name} is no pooling`);
  return poolPairs(z, kink.window);
}

/** One draw of an injection with random signs, without its mean. */
export function drawn(injection: Injection, seed: number, pass: number): Float32Array {
  const { deviation, moves, point, shape } = injection;
  const size = shape.reduce((a, b) => a * b, 1);
  const result = new Float32Array(size);
  if (deviation) {
    const sign = signs(seed, point, pass, size);
    for (let i = 0; i < size; i++) result[i] = (sign[i] ?? 0) * (deviation[i] ?? 0);
  }
  if (moves) {
    const { pairs, amount } = moves;
    const sign = signs(seed, `${point} pairs`, pass, amount.length);
    for (let i = 0; i < amount.length; i++) {
      const moved = (sign[i] ?? 0) * (amount[i] ?? 0);
      const [w, l] = [pairs.winner[i] ?? 0, pairs.loser[i] ?? 0];
      result[w] = (result[w] ?? 0) - moved;
      result[l] = (result[l] ?? 0) + moved;
    }
  }
  return result;
}
