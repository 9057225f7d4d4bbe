import { contractStages } from './contract.ts';
import { type IntegerModel, toIntegers } from './integers.ts';
import type { Model } from './model.ts';
import { maximizeBound } from './multipliers.ts';
import type { Undecided } from './problem.ts';
import { type Relaxation, relax } from './relaxation.ts';
import { type Assignment, Search } from './search.ts';
import { type Stage, stagesOf } from './stages.ts';

export interface Solution {
  /** `optimal` in the objective and then in the sum of bits. */
  readonly status: 'optimal' | 'feasible';
  /** Width of each variable. */
  readonly bits: readonly number[];
  /** At most the objective of any assignment within the constraints, in the model's units. */
  readonly lowerBound: number;
}

/** Partial assignments kept at one stage before the search gives up exactness. */
export const LABEL_LIMIT = 20_000;

/** The first ceiling leaves this part of the gap between bound and incumbent, each further one eight times as much. */
const FIRST_CEILING = 1 / 64;
const CEILING_FACTOR = 8;

/** Far enough from 1 to differ and near enough to bind; measured on layered nets with up to three requirements. */
const NEIGHBOUR_FACTORS = [0.7, 1.4];

/**
 * An optimum of the model: the largest Lagrangian bound, then searches under a ceiling that starts just above it and
 * rises until the best of what was found lies below it. A search leaves out only what exceeds its ceiling, so that is the optimum.
 */
export function solve(model: Model, labelLimit = LABEL_LIMIT): Solution | 'infeasible' | Undecided {
  const integers = toIntegers(model);
  const uncontracted = stagesOf(integers);
  if (!uncontracted) return { status: 'undecided', reason: 'coupling' };
  const stages = contractStages(uncontracted);
  const bounds = integers.constraints.map(({ bound }) => bound);
  const { relaxation, incumbent } = maximizeBound(stages, bounds);
  const search = new Search(stages, bounds, [relaxation, ...neighbours(relaxation, stages, bounds)]);
  const largest = largestObjective(integers);
  const start = Math.max(relaxation.bound, 0);
  let best = incumbent;
  for (
    let step = Math.max((best?.objective ?? largest) - start, 1) * FIRST_CEILING;
    ;
    step *= CEILING_FACTOR
  ) {
    const top = best?.objective ?? largest;
    const ceiling = Math.min(start + step, top);
    const { found, leftOut } = search.run(ceiling, labelLimit);
    // Of equal objectives the search's own has the fewest bits.
    if (found && found.objective <= (best?.objective ?? Infinity)) best = found;
    if (best && best.objective <= ceiling) return solutionOf(best, leftOut, integers, stages);
    if (!best && ceiling === top)
      return leftOut === Infinity ? 'infeasible' : { status: 'undecided', reason: 'limit' };
  }
}

/** The solution of an assignment when no other lies below `bound`. */
function solutionOf(
  { objective, choices }: Assignment,
  bound: number,
  { variables, objectiveUnit }: IntegerModel,
  stages: readonly Stage[],
): Solution {
  const bits = variables.map(() => 0);
  for (const [k, stage] of stages.entries()) {
    const widths = stage.chosen[(choices[k] ?? 0) % stage.levels];
    for (const [i, variable] of stage.variables.entries()) bits[variable] = widths?.[i] ?? 0;
  }
  const status = bound > objective ? 'optimal' : 'feasible';
  return { status, bits, lowerBound: Math.min(objective, bound) * objectiveUnit };
}

/** Relaxations with one multiplier smaller or larger: for partial assignments that use more or less of one constraint than an optimum. */
function neighbours(
  { multipliers }: Relaxation,
  stages: readonly Stage[],
  bounds: readonly number[],
): readonly Relaxation[] {
  return multipliers.flatMap((lambda, r) =>
    lambda === 0
      ? []
      : NEIGHBOUR_FACTORS.map((factor) => relax(stages, bounds, multipliers.with(r, lambda * factor))),
  );
}

function largestObjective({ objective }: IntegerModel): number {
  return objective.reduce((sum, { values }) => sum + Math.max(...values), 0);
}
