import { bitsOf, total, valueAt } from './evaluate.ts';
import type { Model } from './model.ts';
import type { AllocationProblem, AllocationRequirement, Undecided, Unreachable } from './problem.ts';
import { type Solution, solve } from './solve.ts';

const CONTRIBUTORS = 3;

/**
 * Which requirement a model without solutions fails: the first that is out of reach by itself, else the first that
 * is while all before it hold. Its least value and the assignment there come from the same search.
 */
export function explainInfeasible(
  problem: AllocationProblem,
  model: Model,
  labelLimit: number,
): Unreachable | Undecided {
  const numbers = [...problem.requirements.keys()];
  const tries = [
    ...numbers.map((r) => ({ r, given: [] as number[] })),
    ...numbers.map((r) => ({ r, given: numbers.slice(0, r) })),
  ];
  for (const { r, given } of tries) {
    const least = restricted(model, r, given);
    const reached = solve({ ...least, constraints: pick(model.constraints, [...given, r]) }, labelLimit);
    if (reached !== 'infeasible') {
      if (reached.status === 'undecided') return reached;
      continue;
    }
    const solution = solve(least, labelLimit);
    const requirement = problem.requirements[r];
    if (solution === 'infeasible' || !requirement) break;
    if (solution.status === 'undecided') return solution;
    return describe(requirement, pick(problem.requirements, given), solution, model);
  }
  throw new Error('the requirements of an infeasible problem are all within reach');
}

/** Minimize the terms of constraint r while the given ones hold. */
function restricted({ variables, constraints }: Model, r: number, given: readonly number[]): Model {
  return { variables, objective: constraints[r]?.terms ?? [], constraints: pick(constraints, given) };
}

function describe(
  requirement: AllocationRequirement,
  given: readonly AllocationRequirement[],
  solution: Solution,
  { variables }: Model,
): Unreachable {
  const bits = bitsOf(variables, solution.bits);
  const contributors = requirement.contributions
    .map((contribution) => ({ name: contribution.name, value: valueAt(contribution, bits) }))
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, CONTRIBUTORS);
  return {
    status: 'infeasible',
    reason: 'requirement',
    requirement,
    given,
    best: total(requirement.contributions, bits),
    proved: solution.status === 'optimal',
    bits,
    contributors,
  };
}

function pick<T>(from: readonly T[], indices: readonly number[]): T[] {
  return indices.flatMap((i) => from.slice(i, i + 1));
}
