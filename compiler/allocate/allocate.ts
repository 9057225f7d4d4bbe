import { bitsOf, total } from './evaluate.ts';
import { explainInfeasible } from './infeasible.ts';
import { modelOf } from './model.ts';
import type { Allocation, AllocationProblem } from './problem.ts';
import { LABEL_LIMIT, solve } from './solve.ts';

/** Options of {@link allocate}. */
export interface AllocateOptions {
  /** Partial assignments that the search may keep at a time; past it optimality is no longer proved. */
  readonly labelLimit?: number;
}

/**
 * The assignment of one width to each site with the least objective, then the least sum of bits, that meets every
 * requirement, tie and limit. Equal problems give equal answers on every machine.
 */
export function allocate(problem: AllocationProblem, options: AllocateOptions = {}): Allocation {
  const labelLimit = options.labelLimit ?? LABEL_LIMIT;
  const model = modelOf(problem);
  if ('status' in model) return model;
  const solution = solve(model, labelLimit);
  if (solution === 'infeasible') return explainInfeasible(problem, model, labelLimit);
  if (solution.status === 'undecided') return solution;
  const bits = bitsOf(model.variables, solution.bits);
  const objective = total(problem.objective, bits);
  const lowerBound = solution.status === 'optimal' ? objective : Math.min(solution.lowerBound, objective);
  return {
    status: solution.status,
    bits,
    objective,
    lowerBound,
    gap: objective === lowerBound ? 0 : (objective - lowerBound) / objective,
    values: problem.requirements.map(({ contributions }) => total(contributions, bits)),
  };
}
