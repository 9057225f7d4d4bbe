import { lookup } from '../../lower/lookup.ts';
import type { BatchContext } from './context.ts';
import type { ProbeTensors, Quantity } from './contract.ts';
import type { Injection } from './injections.ts';
import { tangents } from './pass.ts';
import { dot } from './statistics.ts';
import { countsTowards, kinkNames } from './study.ts';

/**
 * Inner products of the biases that switches cause in a quantity: first what all forward remainders and normalizations cause together, then each kink's
 * backward switches. One tangent pass each.
 */
export async function biasProducts({
  subject,
  pass,
  drawn,
  settings,
}: BatchContext): Promise<(quantity: Quantity) => readonly (readonly number[])[]> {
  const { kinks, normalizations } = subject.perturbed;
  if (!settings.switches || kinks.length === 0) return () => [];
  const forward = new Set([...kinks.map((k) => kinkNames(k).forward), ...normalizations.map((n) => n.name)]);
  const groups = [forward, ...kinks.map((k) => new Set(k.backward.map((_, i) => kinkNames(k, i).back)))];
  const vectors: ProbeTensors[] = [];
  for (const group of groups) {
    const mean = (x: Injection) => (group.has(x.point) ? x.mean : undefined);
    vectors.push(await pass.run(subject.whole, tangents(subject, drawn.injections, mean)));
  }
  return (quantity) => {
    const targets = subject.targets.filter(({ name }) => countsTowards(name, quantity));
    const parts = vectors.map((vector) => targets.map(({ name }) => lookup(vector, name).data));
    return parts.map((a) => parts.map((b) => a.reduce((sum, part, i) => sum + dot(part, b[i] ?? part), 0)));
  };
}
