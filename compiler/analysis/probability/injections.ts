import { lookup } from '../../lower/lookup.ts';
import { uniforms } from '../../numeric/random.ts';
import type { NearestModel, ProbeTensors } from './contract.ts';
import { roundingNoise } from './noise.ts';
import { signs } from './signs.ts';
import { type Study, siteNames } from './study.ts';

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

/** Adds every jump's share of its amount. */
export function addJumps(
  into: Float32Array,
  { to, from, amount }: Jumps,
  share: (jump: number) => number,
): void {
  for (let i = 0; i < to.length; i++) {
    const moved = share(i) * (amount[i] ?? 0);
    const at = to[i] ?? 0;
    into[at] = (into[at] ?? 0) + moved;
    const left = from?.[i];
    if (left !== undefined) into[left] = (into[left] ?? 0) - moved;
  }
}

/**
 * How jumps are drawn: by a `sign` of the same variance for each, so that no pass misses one and mean squares settle soon; or as `events` that
 * happen or do not, which is how the update, far from linear in Adam, must see them.
 */
export type JumpDraw = 'signs' | 'events';

/** Expected jumps of a pass below which signs stand for events too. */
const MANY_JUMPS = 4;

/** One draw of an injection, its mean included. */
export function drawn(
  { deviation, mean, jumps, point, shape }: Injection,
  seed: number,
  pass: number,
  how: JumpDraw,
): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  const probability = jumps?.probability ?? new Float32Array(0);
  const events = how === 'events' && probability.reduce((a, b) => a + b, 0) >= MANY_JUMPS;
  const result = mean && !events ? Float32Array.from(mean) : new Float32Array(size);
  if (deviation) {
    const sign = signs(seed, point, pass, size);
    for (let i = 0; i < size; i++) result[i] = (result[i] ?? 0) + (sign[i] ?? 0) * (deviation[i] ?? 0);
  }
  if (jumps && events) {
    const random = uniforms(seed, `jumps ${point}`, pass, probability.length);
    addJumps(result, jumps, (i) => Number((random[i] ?? 0) < (probability[i] ?? 0)));
  } else if (jumps) {
    const sign = signs(seed, `jumps ${point}`, pass, probability.length);
    const share = (p: number): number => Math.sqrt(p * (1 - p));
    addJumps(result, jumps, (i) => (sign[i] ?? 0) * share(probability[i] ?? 0));
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
