import { allocate } from '../allocate.ts';
import type { AllocationProblem } from '../problem.ts';
import { type Choices, levelNames, type Widths } from './choices.ts';
import { costAt, descend, exchange, isBetter, uniform } from './moves.ts';
import { type AutoProblem, type RequirementValue, shareOfRequirement } from './problem.ts';
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
    const next = solved(problem, additiveProblem(problem, around, tightness));
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

/** The exact optimum of an additive problem over choices; undefined where it has none. */
export function solved({ choices, variables }: Choices, additive: AllocationProblem): Widths | undefined {
  const result = allocate(additive, { labelLimit: LABELS });
  if (result.status !== 'optimal' && result.status !== 'feasible') return undefined;
  return choices.map(({ widths }, i) => {
    const variable = variables[i];
    const bits = variable === undefined ? undefined : result.bits.get(variable);
    return Math.max(0, widths.indexOf(bits ?? -1));
  });
}
