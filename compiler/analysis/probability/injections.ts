import { lookup } from '../../lower/lookup.ts';
import { uniforms } from '../../numeric/random.ts';
import { groupPositions } from '../../ops/strided.ts';
import type { NearestModel, ProbeTensor, ProbeTensors } from './contract.ts';
import { roundingNoise } from './noise.ts';
import type { Kink } from './perturb.ts';
import { signs } from './signs.ts';
import { kinkNames, operandName, type Study, siteNames } from './study.ts';
import { capped, type Moments, type PoolPairs, poolPairs, remainder, switching } from './switches.ts';

/** What one point adds to the step: rounding of each element with a deviation and perhaps a mean, or values that jump. */
export interface Injection {
  readonly point: string;
  readonly shape: readonly number[];
  /** Standard deviation of each element. */
  readonly deviation?: Float32Array;
  /** Of everything together. */
  readonly mean?: Float32Array;
  readonly jumps?: Jumps;
}

/** With `probability[i]`, `amount[i]` is added at `to[i]` and, in the routing of a pooling, taken away at `from[i]`. */
export interface Jumps {
  readonly to: Int32Array;
  readonly from?: Int32Array;
  readonly amount: Float32Array;
  readonly probability: Float32Array;
}

/** Squared forward error τ² by kink: of each element of a relu's operand, of each pair of a pooling; by normalization: of each group. */
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
  const left: Remainder[] = [];
  const places: number[] = [];
  const odds: number[] = [];
  for (let i = 0; i < size; i++) {
    const tau = Math.sqrt(squares[i] ?? 0);
    const value = z.data[i] ?? 0;
    const p = switching(value, tau);
    if (p === 0) continue;
    left.push({ at: i, ...remainder(value, tau) });
    places.push(i);
    odds.push(p);
  }
  const to = Int32Array.from(places);
  const probability = Float32Array.from(odds);
  return [
    remaining(kinkNames(kink).forward, z.shape, left),
    ...cotangents.map((v, index) => {
      const amount = Float32Array.from(to, (i) => ((z.data[i] ?? 0) > 0 ? -1 : 1) * (v.data[i] ?? 0));
      return jumping(kinkNames(kink, index).back, z.shape, { to, amount, probability });
    }),
  ];
}

interface Remainder extends Moments {
  readonly at: number;
}

/**
 * Remainders as jumps of two values, 0 and `second moment / mean`, that have their mean and variance: nothing at all happens to an
 * element that does not switch.
 */
function remaining(point: string, shape: readonly number[], all: readonly Remainder[]): Injection {
  const some = all.filter(({ mean }) => mean > 0);
  const square = ({ mean, variance }: Moments): number => mean * mean + variance;
  return jumping(point, shape, {
    to: Int32Array.from(some, ({ at }) => at),
    amount: Float32Array.from(some, (r) => square(r) / r.mean),
    probability: Float32Array.from(some, (r) => r.mean ** 2 / square(r)),
  });
}

/** An injection of jumps with its mean. */
function jumping(point: string, shape: readonly number[], jumps: Jumps): Injection {
  const mean = new Float32Array(shape.reduce((a, b) => a * b, 1));
  addJumps(mean, jumps, (i) => jumps.probability[i] ?? 0);
  return { point, shape, mean, jumps };
}

function addJumps(into: Float32Array, { to, from, amount }: Jumps, share: (jump: number) => number): void {
  for (let i = 0; i < to.length; i++) {
    const moved = share(i) * (amount[i] ?? 0);
    const at = to[i] ?? 0;
    into[at] = (into[at] ?? 0) + moved;
    const left = from?.[i];
    if (left !== undefined) into[left] = (into[left] ?? 0) - moved;
  }
}

function poolInjections(
  kink: Kink,
  z: ProbeTensor,
  squares: Float32Array,
  cotangents: readonly ProbeTensor[],
): readonly Injection[] {
  const pairs = pairsOf(kink, z);
  const outputs = lookup(new Map(cotangents.map((v, i) => [i === 0 ? 'first' : `${i}`, v])), 'first');
  const left: Remainder[] = [];
  const raw = new Float32Array(pairs.winner.length);
  for (let i = 0; i < raw.length; i++) {
    const best = z.data[pairs.winner[i] ?? 0] ?? 0;
    const d = best - (z.data[pairs.loser[i] ?? 0] ?? 0);
    const tau = Math.sqrt(squares[i] ?? 0);
    raw[i] = switching(d, tau);
    // Behind a relu a window that is negative gives 0 whoever wins.
    if (raw[i] === 0 || (kink.rectified && best <= 0)) continue;
    left.push({ at: pairs.output[i] ?? 0, ...remainder(d, tau) });
  }
  const all = capped(pairs, raw);
  const chosen = Int32Array.from(all.keys()).filter((i) => (all[i] ?? 0) > 0);
  const pick = (values: Int32Array): Int32Array => chosen.map((i) => values[i] ?? 0);
  const [to, from] = [pick(pairs.loser), pick(pairs.winner)];
  const probability = Float32Array.from(chosen, (i) => all[i] ?? 0);
  return [
    remaining(kinkNames(kink).forward, outputs.shape, left),
    ...cotangents.map((v, index) => {
      const amount = Float32Array.from(chosen, (i) => v.data[pairs.output[i] ?? 0] ?? 0);
      return jumping(kinkNames(kink, index).back, z.shape, { to, from, amount, probability });
    }),
  ];
}

/**
 * What noise does to values that are standardized by their own moments, in second order: it adds its mean square v to their variance of 1,
 * so that the values shrink by v/2. Without it the remainders of relus would look like a shift of every mean, which
 * the next normalization takes back.
 */
export function normalizationInjections(
  study: Study,
  base: ProbeTensors,
  errors: ForwardErrors,
): readonly Injection[] {
  return study.perturbed.normalizations.flatMap(({ name, axes }) => {
    const { shape, data } = lookup(base, name);
    const squares = errors.get(name);
    if (!squares) return [];
    const group = groupPositions(shape, axes);
    return [
      {
        point: name,
        shape,
        mean: Float32Array.from(data, (x: number, i: number) => (-x * (squares[group[i] ?? 0] ?? 0)) / 2),
      },
    ];
  });
}

/** The pairs of a pooling at its operand's values. */
export function pairsOf(kink: Kink, z: ProbeTensor): PoolPairs {
  if (!kink.window) throw new Error(`${kink.name} is no pooling`);
  return poolPairs(z, kink.window);
}

/** Expected jumps of a pass from which on they are drawn as they happen. */
const MANY_JUMPS = 4;

/**
 * One draw of an injection, its mean included. Jumps happen or not where many are expected, which is how the update, far from linear in
 * Adam, must see them; where few are, a sign of the same variance stands for each, so that no pass misses them.
 */
export function drawn(
  { deviation, mean, jumps, point, shape }: Injection,
  seed: number,
  pass: number,
): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  const probability = jumps?.probability ?? new Float32Array(0);
  const many = probability.reduce((a, b) => a + b, 0) >= MANY_JUMPS;
  const result = mean && !many ? Float32Array.from(mean) : new Float32Array(size);
  if (deviation) {
    const sign = signs(seed, point, pass, size);
    for (let i = 0; i < size; i++) result[i] = (result[i] ?? 0) + (sign[i] ?? 0) * (deviation[i] ?? 0);
  }
  if (jumps && many) {
    const random = uniforms(seed, `jumps ${point}`, pass, probability.length);
    addJumps(result, jumps, (i) => Number((random[i] ?? 0) < (probability[i] ?? 0)));
  } else if (jumps) {
    const sign = signs(seed, `jumps ${point}`, pass, probability.length);
    addJumps(
      result,
      jumps,
      (i) => (sign[i] ?? 0) * Math.sqrt((probability[i] ?? 0) * (1 - (probability[i] ?? 0))),
    );
  }
  return result;
}

/** The variance that an injection causes in what has the given adjoint: `Σ σ²·a²`. */
export function varianceOf({ deviation, jumps }: Injection, adjoint: ArrayLike<number>): number {
  let sum = 0;
  deviation?.forEach((s, i) => {
    sum += (s * (adjoint[i] ?? 0)) ** 2;
  });
  jumps?.to.forEach((to, i) => {
    const p = jumps.probability[i] ?? 0;
    const from = jumps.from?.[i];
    const a = (adjoint[to] ?? 0) - (from === undefined ? 0 : (adjoint[from] ?? 0));
    sum += p * (1 - p) * ((jumps.amount[i] ?? 0) * a) ** 2;
  });
  return sum;
}
