import { lookup } from '../../lower/lookup.ts';
import { groupPositions } from '../../ops/strided.ts';
import type { ProbeTensors } from './contract.ts';
import { drawn, type ForwardErrors, type Injection } from './injections.ts';
import { pairsOf } from './kinks.ts';
import { type Pass, type Settings, tangents } from './pass.ts';
import type { Study } from './study.ts';

/**
 * τ² of every kink, the mean square of its operand's tangents over passes of random signs (formula A), and by normalization the mean
 * square of its result's in each group that shares moments.
 */
export async function forwardErrors(
  subject: Study,
  base: ProbeTensors,
  sites: readonly Injection[],
  pass: Pass,
  { seed, passes }: Pick<Settings, 'seed' | 'passes'>,
): Promise<ForwardErrors> {
  const { kinks, normalizations } = subject.perturbed;
  const forward = new Set(subject.perturbed.sites.filter((s) => s.phase === 'F').map((s) => s.name));
  const noisy = sites.filter(({ point }) => forward.has(point));
  if (kinks.length + normalizations.length === 0 || noisy.length === 0) return new Map();
  const pairs = new Map(
    kinks.flatMap((k) => (k.kind === 'pool' ? [[k.name, pairsOf(k, lookup(base, k.operand))] as const] : [])),
  );
  const groups = normalizations.map(({ name, axes }) => ({
    name,
    of: groupPositions(lookup(base, name).shape, axes),
  }));
  const sums = new Map<string, Float32Array>();
  const sumOf = (name: string, count: number): Float32Array => {
    const sum = sums.get(name) ?? new Float32Array(count);
    sums.set(name, sum);
    return sum;
  };
  for (let i = 0; i < passes; i++) {
    // Signs of their own, so that the switches are independent of the noise that the other passes draw.
    const moved = await pass.run(
      subject.forward,
      tangents(subject, noisy, (x) => drawn(x, seed, passes + i, 'signs')),
    );
    for (const kink of kinks) {
      const dz = lookup(moved, kink.operand).data;
      const of = pairs.get(kink.name);
      const count = of ? of.winner.length : dz.length;
      const sum = sumOf(kink.name, count);
      for (let j = 0; j < count; j++) {
        const d = of ? (dz[of.winner[j] ?? 0] ?? 0) - (dz[of.loser[j] ?? 0] ?? 0) : (dz[j] ?? 0);
        sum[j] = (sum[j] ?? 0) + (d * d) / passes;
      }
    }
    for (const { name, of } of groups) {
      const { data } = lookup(moved, name);
      const count = (of.at(-1) ?? 0) + 1;
      const sum = sumOf(name, count);
      for (let j = 0; j < data.length; j++) {
        const g = of[j] ?? 0;
        sum[g] = (sum[g] ?? 0) + ((data[j] ?? 0) ** 2 * count) / (data.length * passes);
      }
    }
  }
  return sums;
}
