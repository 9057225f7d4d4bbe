import { valueAt } from '../evaluate.ts';
import type { AllocationSite } from '../problem.ts';
import type { Choices, Widths } from './choices.ts';

/**
 * Single steps down, the one that saves most first, until none is left that keeps what is required. A choice that cannot step down now
 * cannot later either, for the error grows with every step.
 */
export function descend(problem: Choices, start: Widths, allowed: (widths: Widths) => boolean): Widths {
  const stuck = new Set<number>();
  let current = start;
  for (;;) {
    const [cost, bits] = [costAt(problem, current), bitsAt(problem, current)];
    const steps = problem.choices.flatMap((_, i) => {
      const width = current[i] ?? 0;
      if (width === 0 || stuck.has(i)) return [];
      const next = current.map((w, j) => (j === i ? w - 1 : w));
      return [{ i, next, saved: cost - costAt(problem, next), fewer: bits - bitsAt(problem, next) }];
    });
    steps.sort((a, b) => b.saved - a.saved || b.fewer - a.fewer || a.i - b.i);
    const taken = steps.find(({ i, next }) => {
      const fits = allowed(next);
      if (!fits) stuck.add(i);
      return fits;
    });
    if (taken === undefined) return current;
    current = taken.next;
  }
}

/** One choice a level wider for others narrower, as long as that costs less. */
export function exchange(problem: Choices, start: Widths, allowed: (widths: Widths) => boolean): Widths {
  let best = start;
  for (let i = 0, since = 0; since < problem.choices.length; i = (i + 1) % problem.choices.length) {
    const width = best[i] ?? 0;
    const wider = best.map((w, j) => (j === i ? width + 1 : w));
    const next =
      width + 1 < (problem.choices[i]?.widths.length ?? 0) ? descend(problem, wider, allowed) : best;
    const better = isBetter(problem, next, best);
    since = better ? 0 : since + 1;
    if (better) best = next;
  }
  return best;
}

/** The same width everywhere, as narrow as the requirements allow. */
export function uniform(widest: Widths, allowed: (widths: Widths) => boolean): Widths {
  let current = widest;
  for (let down = 1; ; down++) {
    const next = widest.map((w) => Math.max(0, w - down));
    if (next.every((w, i) => w === current[i]) || !allowed(next)) return current;
    current = next;
  }
}

export function isBetter(problem: Choices, a: Widths, b: Widths): boolean {
  return (costAt(problem, a) - costAt(problem, b) || bitsAt(problem, a) - bitsAt(problem, b)) < 0;
}

export function costAt(problem: Choices, widths: Widths): number {
  const bits = new Map<AllocationSite, number>();
  problem.variables.forEach((variable, i) => {
    bits.set(variable, problem.choices[i]?.widths[widths[i] ?? 0] ?? 0);
  });
  for (const { sites } of problem.objective) {
    for (const site of sites) if (!bits.has(site)) bits.set(site, site.levels[0] ?? 32);
  }
  return problem.objective.reduce((sum, contribution) => sum + valueAt(contribution, bits), 0);
}

function bitsAt(problem: Choices, widths: Widths): number {
  return problem.choices.reduce(
    (sum, { sites, widths: all }, i) => sum + sites.length * (all[widths[i] ?? 0] ?? 0),
    0,
  );
}
