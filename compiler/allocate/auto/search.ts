import { allocate } from '../allocate.ts';
import { valueAt } from '../evaluate.ts';
import type { AllocationSite } from '../problem.ts';
import {
  type AutoProblem,
  levelNames,
  type RequirementValue,
  shareOfRequirement,
  type Widths,
} from './problem.ts';
import { additiveProblem } from './surrogate.ts';

/** Rounds of linearizing, solving and tightening. */
const ROUNDS = 8;
/** Partial assignments that the allocator may keep: a guide need not be proved, and its Lagrangian bound is one all the same. */
const LABELS = 20;

export interface AutoAllocation {
  readonly status: 'allocated';
  readonly widths: Widths;
  readonly cost: number;
  /** No assignment that meets the requirements costs less: the optimum of their additive parts. */
  readonly lowerBound: number;
  readonly values: readonly RequirementValue[];
}

export interface AutoInfeasible {
  readonly status: 'infeasible';
  /** Index of the requirement that the widest formats do not meet. */
  readonly requirement: number;
  readonly values: readonly RequirementValue[];
  readonly widths: Widths;
}

/**
 * The cheapest widths that the search finds to meet every requirement by the model of its table: the additive problem around the current
 * assignment is solved exactly, checked with the whole model, tightened until it holds, and improved by single steps down and by
 * exchanges until no choice can drop one level and no wider one pays. Ties in cost go to fewer bits.
 *
 * @param margin what the requirements' shares may reach; below 1 where the model is known to be too low
 */
export function allocateAuto(
  problem: AutoProblem,
  margin: readonly number[],
): AutoAllocation | AutoInfeasible {
  const evaluate = (widths: Widths): readonly RequirementValue[] => {
    const names = levelNames(problem, widths);
    return problem.requirements.map((requirement) => shareOfRequirement(requirement, names));
  };
  const meets = (values: readonly RequirementValue[]): boolean =>
    values.every(({ share }, i) => share <= (margin[i] ?? 1));
  const widest = problem.choices.map(({ widths }) => widths.length - 1);
  const best = evaluate(widest);
  if (!meets(best)) {
    const requirement = best.findIndex(({ share }, i) => share > (margin[i] ?? 1));
    return { status: 'infeasible', requirement, values: best, widths: widest };
  }
  const allowed = (widths: Widths): boolean => meets(evaluate(widths));
  let found: Widths = descend(problem, uniform(widest, allowed), allowed);
  let around: Widths = found;
  let tightness = 1;
  for (let round = 0; round < ROUNDS; round++) {
    const next = solved(problem, around, tightness);
    if (next === undefined) {
      tightness *= 1.5;
      continue;
    }
    const values = evaluate(next);
    const excess = values.reduce((most, { share }, i) => Math.max(most, share / (margin[i] ?? 1)), 0);
    if (excess <= 1) {
      const lower = descend(problem, next, allowed);
      if (isBetter(problem, lower, found)) found = lower;
      around = lower;
      tightness *= 1.15;
    } else {
      around = next;
      // Shares are of quantiles, the sums of variances.
      tightness /= excess ** 2 * 1.02;
    }
  }
  found = exchange(problem, found, allowed);
  const cost = costAt(problem, found);
  const relaxed = allocate(additiveProblem(problem, undefined, 1), { labelLimit: LABELS });
  const lowerBound = relaxed.status === 'optimal' || relaxed.status === 'feasible' ? relaxed.lowerBound : 0;
  return {
    status: 'allocated',
    widths: found,
    cost,
    lowerBound: Math.min(lowerBound, cost),
    values: evaluate(found),
  };
}

/** The exact optimum of the additive problem around an assignment. */
function solved(problem: AutoProblem, around: Widths, tightness: number): Widths | undefined {
  const result = allocate(additiveProblem(problem, around, tightness), { labelLimit: LABELS });
  if (result.status !== 'optimal' && result.status !== 'feasible') return undefined;
  return problem.choices.map(({ widths }, i) => {
    const variable = problem.variables[i];
    const bits = variable === undefined ? undefined : result.bits.get(variable);
    return Math.max(0, widths.indexOf(bits ?? -1));
  });
}

/**
 * Single steps down, the one that saves most first, until none is left that keeps what is required. A choice that cannot step down now
 * cannot later either, for the error grows with every step.
 */
function descend(problem: AutoProblem, start: Widths, allowed: (widths: Widths) => boolean): Widths {
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
function exchange(problem: AutoProblem, start: Widths, allowed: (widths: Widths) => boolean): Widths {
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
function uniform(widest: Widths, allowed: (widths: Widths) => boolean): Widths {
  let current = widest;
  for (let down = 1; ; down++) {
    const next = widest.map((w) => Math.max(0, w - down));
    if (next.every((w, i) => w === current[i]) || !allowed(next)) return current;
    current = next;
  }
}

function isBetter(problem: AutoProblem, a: Widths, b: Widths): boolean {
  return (costAt(problem, a) - costAt(problem, b) || bitsAt(problem, a) - bitsAt(problem, b)) < 0;
}

export function costAt(problem: AutoProblem, widths: Widths): number {
  const bits = new Map<AllocationSite, number>();
  problem.variables.forEach((variable, i) => {
    bits.set(variable, problem.choices[i]?.widths[widths[i] ?? 0] ?? 0);
  });
  for (const { sites } of problem.objective) {
    for (const site of sites) if (!bits.has(site)) bits.set(site, site.levels[0] ?? 32);
  }
  return problem.objective.reduce((sum, contribution) => sum + valueAt(contribution, bits), 0);
}

function bitsAt(problem: AutoProblem, widths: Widths): number {
  return problem.choices.reduce(
    (sum, { sites, widths: all }, i) => sum + sites.length * (all[widths[i] ?? 0] ?? 0),
    0,
  );
}
