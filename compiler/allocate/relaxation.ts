import type { Stage } from './stages.ts';

/**
 * The Lagrangian relaxation `L(λ) = min Σ objective + Σ_r λ_r·(use_r − bound_r)`, a lower bound on the objective of every
 * assignment within the bounds (Fisher, "The Lagrangian relaxation method", 1981). The minimum is exact, by backward recursion over the
 * stages, so that the bound is at least that of the linear relaxation.
 */
export interface Relaxation {
  readonly multipliers: readonly number[];
  /** `L(λ)`, rounded down. */
  readonly bound: number;
  /** `Σ λ_r·bound_r`, rounded up. */
  readonly offset: number;
  /** Per stage, each choice's part of the objective and of `Σ λ_r·use_r`, rounded down. */
  readonly weights: readonly Float64Array[];
  /** Per stage and one more, what the cheapest completion adds to the weights, by state. */
  readonly toGo: readonly Float64Array[];
}

/** The relaxation at these multipliers; `objective` is 1 or, to minimise the uses alone, 0. */
export function relax(
  stages: readonly Stage[],
  bounds: readonly number[],
  multipliers: readonly number[],
  objective: 0 | 1 = 1,
): Relaxation {
  const weights = stages.map((stage) => weigh(stage, multipliers, objective));
  const toGo: Float64Array[] = [new Float64Array(1)];
  for (let k = stages.length - 1; k >= 0; k--) {
    const stage = stages[k];
    const after = toGo[0];
    const weight = weights[k];
    if (stage && after && weight) toGo.unshift(backward(stage, weight, after));
  }
  // A product may round by half a unit, hence the one that is added.
  const offset = bounds.reduce((sum, bound, r) => {
    const lambda = multipliers[r] ?? 0;
    return lambda === 0 ? sum : sum + Math.ceil(lambda * bound) + 1;
  }, 0);
  return { multipliers, weights, toGo, offset, bound: (toGo[0]?.[0] ?? 0) - offset };
}

/** The choice of each stage in a minimizer: the first level among equals. */
export function minimizer(stages: readonly Stage[], { weights, toGo }: Relaxation): number[] {
  let state = 0;
  return stages.map((stage, k) => {
    let best = -1;
    let least = Infinity;
    for (let level = 0; level < stage.levels; level++) {
      const entry = state * stage.levels + level;
      const total = (weights[k]?.[entry] ?? 0) + (toGo[k + 1]?.[stage.next[entry] ?? 0] ?? 0);
      if (total < least) [best, least] = [entry, total];
    }
    state = stage.next[best] ?? 0;
    return best;
  });
}

function weigh({ objective, uses }: Stage, multipliers: readonly number[], scale: 0 | 1): Float64Array {
  const weight = scale === 1 ? objective.slice() : new Float64Array(objective.length);
  for (const [r, use] of uses.entries()) {
    const lambda = multipliers[r] ?? 0;
    if (lambda === 0) continue;
    const slack = Number.isInteger(lambda) ? 0 : 1;
    for (let i = 0; i < use.length; i++) {
      const u = use[i] ?? 0;
      if (u > 0) weight[i] = (weight[i] ?? 0) + Math.floor(lambda * u) - slack;
    }
  }
  return weight;
}

function backward({ states, levels, next }: Stage, weight: Float64Array, after: Float64Array): Float64Array {
  const least = new Float64Array(states).fill(Infinity);
  for (let i = 0; i < weight.length; i++) {
    const state = Math.floor(i / levels);
    const total = (weight[i] ?? 0) + (after[next[i] ?? 0] ?? 0);
    if (total < (least[state] ?? 0)) least[state] = total;
  }
  return least;
}
