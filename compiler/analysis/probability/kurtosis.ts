import { sizeOf } from '../../ir/graph.ts';
import { lookup } from '../../lower/lookup.ts';
import type { ProbeTensor } from './contract.ts';
import { addJumps, type Injection, type Jumps } from './injections.ts';
import { type Pass, type Settings, tangents } from './pass.ts';
import { signs } from './signs.ts';
import { dot } from './statistics.ts';
import { countsTowards, type Study } from './study.ts';

/** Passes for the effect of each jump. Its square is then too large by a factor of at most `1 + 2/PASSES`, never too small on average. */
const PASSES = 4;

/** Jumps that are followed one by one, at most, each with a share of the cumulants of at least {@link LARGE}. */
const FOLLOWED = 4;
const LARGE = 0.02;

/** More jumps than this are not rare. */
const FEW = 200_000;

/** One way to bound a quantile: at this probability, with what rare jumps add to the variance of the squared error. */
export interface Tail {
  readonly probability: number;
  readonly kurtosis: number;
}

/**
 * What rare jumps add to the variance of the gradient's squared error, beyond that of a Gaussian with their covariance: the fourth cumulant
 * `Σ_j p(1−p)(1−6p(1−p))·(amount²·‖J_·j‖²)²`, where positive. It decides at 16 bits, where a quantile of 99 % may be one
 * switch that happens in one step of thirty. Or jumps of total probability ε are left out, and the quantile taken at p + ε.
 */
export async function jumpKurtosis(
  subject: Study,
  pass: Pass,
  injections: readonly Injection[],
  { seed, probability: stated }: Pick<Settings, 'seed' | 'probability'>,
): Promise<readonly Tail[]> {
  const jumping = injections.flatMap(({ point, jumps }) =>
    jumps ? [{ point, ...jumps, effect: new Float64Array(jumps.to.length) }] : [],
  );
  if (jumping.every(({ to }) => to.length === 0)) return [{ probability: stated, kurtosis: 0 }];
  for (let i = 0; i < PASSES; i++) {
    const cotangents = subject.targets.map(({ name, value }): [string, ProbeTensor] => {
      const shape = subject.shapeOf(value);
      const size = sizeOf(shape);
      const counts = countsTowards(name, 'gradient');
      const data = counts ? signs(seed, `jumps of ${name}`, i, size) : new Float32Array(size);
      return [`cotangent:${name}`, { shape, data }];
    });
    const adjoints = await pass.run(subject.adjoint, new Map(cotangents));
    for (const { point, to, from, amount, effect } of jumping) {
      const { data } = lookup(adjoints, point);
      for (let j = 0; j < effect.length; j++) {
        const away = from ? (data[from[j] ?? 0] ?? 0) : 0;
        const moved = (amount[j] ?? 0) * ((data[to[j] ?? 0] ?? 0) - away);
        effect[j] = (effect[j] ?? 0) + (moved * moved) / PASSES;
      }
    }
  }
  await followLargest(subject, pass, injections, jumping);
  const sum = cumulants(jumping);
  const tails: Tail[] = [{ probability: stated, kurtosis: sum }];
  if (jumping.reduce((count, { to }) => count + to.length, 0) <= FEW) {
    // The largest jumps that together happen in at most half of the steps that may exceed the quantile.
    const missed = (1 - stated) / 2;
    let [odds, rest] = [0, sum];
    for (const { p, cumulant } of jumping.flatMap(singles).sort((a, b) => b.effect - a.effect)) {
      if (odds + p > missed) break;
      odds += p;
      rest -= cumulant;
    }
    tails.push({ probability: stated + odds, kurtosis: Math.max(0, rest) });
  }
  return tails;
}

/** Jumps of one point, with the estimated square of how far each moves the gradient. */
interface Jumping extends Jumps {
  readonly point: string;
  readonly effect: Float64Array;
}

/**
 * Replaces the effects of the largest jumps by what they are: an estimate from {@link PASSES} passes is right on average, but may be a third of it for
 * one jump, and one jump may make all of a quantile.
 */
async function followLargest(
  subject: Study,
  pass: Pass,
  injections: readonly Injection[],
  jumping: readonly Jumping[],
): Promise<void> {
  const least = LARGE * cumulants(jumping);
  const large: { readonly at: Jumping; readonly jump: number; readonly cumulant: number }[] = [];
  for (const at of jumping) {
    for (let jump = 0; jump < at.effect.length; jump++) {
      const cumulant = cumulantOf(at.probability[jump] ?? 0, at.effect[jump] ?? 0);
      if (cumulant > least) large.push({ at, jump, cumulant });
    }
  }
  const largest = large.sort((a, b) => b.cumulant - a.cumulant).slice(0, FOLLOWED);
  for (const { at, jump } of largest) {
    const results = await pass.run(
      subject.whole,
      tangents(subject, injections, ({ point, shape }) => {
        if (point !== at.point) return undefined;
        const moved = new Float32Array(sizeOf(shape));
        addJumps(moved, at, (j) => Number(j === jump));
        return moved;
      }),
    );
    const parts = subject.targets.filter(({ name }) => countsTowards(name, 'gradient'));
    at.effect[jump] = parts.reduce((sum, { name }) => {
      const { data } = lookup(results, name);
      return sum + dot(data, data);
    }, 0);
  }
}

function cumulants(jumping: readonly Jumping[]): number {
  let sum = 0;
  for (const { probability, effect } of jumping)
    for (let j = 0; j < effect.length; j++) sum += cumulantOf(probability[j] ?? 0, effect[j] ?? 0);
  return sum;
}

/** The fourth cumulant of one jump, where positive. */
function cumulantOf(p: number, effect: number): number {
  const odds = p * (1 - p);
  return Math.max(0, odds * (1 - 6 * odds)) * effect * effect;
}

function singles({
  probability,
  effect,
}: {
  readonly probability: Float32Array;
  readonly effect: Float64Array;
}) {
  return Array.from(effect, (e, j) => ({
    p: probability[j] ?? 0,
    effect: e,
    cumulant: cumulantOf(probability[j] ?? 0, e),
  })).filter(({ cumulant }) => cumulant > 0);
}
