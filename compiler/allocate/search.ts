import { cheapest, extend, rootLabel, select, traceBack, undominated } from './labels.ts';
import { type Relaxation, relax } from './relaxation.ts';
import type { Stage } from './stages.ts';

export interface Assignment {
  /** Table entry chosen at each stage. */
  readonly choices: readonly number[];
  readonly objective: number;
}

export interface SearchResult {
  /** The assignment within all bounds with the least objective and then the fewest bits, if it is at most the ceiling; else any. */
  readonly found: Assignment | undefined;
  /** No assignment that the limit cut off has a smaller objective; Infinity where none was cut off. */
  readonly leftOut: number;
}

/**
 * Exact dynamic programming over lists of undominated partial assignments (the multiple-choice knapsack of Nemhauser &
 * Ullmann 1969, with bounds as in Pisinger 1995). A partial assignment is dropped when
 * - some constraint cannot be met by any completion,
 * - the Lagrangian bound of its completions exceeds the ceiling, or
 * - another in the same state is no worse in the objective, then the bits, and in every constraint.
 * More than `limit` at one stage are cut to those with the least bounds, and `leftOut` says what that may have cost.
 */
export class Search {
  readonly #stages: readonly Stage[];
  readonly #bounds: readonly number[];
  readonly #relaxations: readonly Relaxation[];
  /** Per constraint and stage, the least use of any completion, by state. */
  readonly #leastUse: readonly (readonly Float64Array[])[];

  /** Each relaxation gives a bound, and the larger the multiplier of a constraint, the better it is for those that use much of it. */
  constructor(stages: readonly Stage[], bounds: readonly number[], relaxations: readonly Relaxation[]) {
    this.#stages = stages;
    this.#bounds = bounds;
    this.#relaxations = relaxations;
    this.#leastUse = bounds.map(
      (_, r) =>
        relax(
          stages,
          bounds,
          bounds.map((__, other) => (other === r ? 1 : 0)),
          0,
        ).toGo,
    );
  }

  /** Searches all assignments whose objective is at most `ceiling`, and some above it. */
  run(ceiling: number, limit: number): SearchResult {
    let labels = rootLabel(this.#bounds.length);
    const history: { readonly entry: readonly number[]; readonly parent: readonly number[] }[] = [];
    let leftOut = Infinity;
    for (const [k, stage] of this.#stages.entries()) {
      const after = k + 1;
      const extended = extend(
        labels,
        stage,
        (objective, uses, state) =>
          this.#canMeet(after, uses, state) &&
          this.#relaxations.every((r) => boundOf(r, after, objective, uses, state) <= ceiling),
      );
      // The last stage has one state, and all that is wanted of it is the best.
      const isLast = after === this.#stages.length;
      let kept = isLast ? [cheapest(extended)].filter((i) => i >= 0) : undominated(extended);
      if (kept.length > limit) {
        const bounds = Float64Array.from(extended.objective, (objective, i) => {
          const uses = extended.uses.map((column) => column[i] ?? 0);
          const state = extended.state[i] ?? 0;
          return Math.max(...this.#relaxations.map((r) => boundOf(r, after, objective, uses, state)));
        });
        kept.sort((a, b) => (bounds[a] ?? 0) - (bounds[b] ?? 0) || a - b);
        leftOut = Math.min(leftOut, bounds[kept[limit] ?? 0] ?? 0);
        kept = kept.slice(0, limit);
      }
      labels = select(extended, kept);
      history.push({ entry: labels.entry, parent: labels.parent });
    }
    const [objective] = labels.objective;
    const found = objective === undefined ? undefined : { choices: traceBack(history, 0), objective };
    return { found, leftOut };
  }

  #canMeet(stage: number, uses: readonly number[], state: number): boolean {
    for (let r = 0; r < uses.length; r++)
      if ((uses[r] ?? 0) + (this.#leastUse[r]?.[stage]?.[state] ?? 0) > (this.#bounds[r] ?? 0)) return false;
    return true;
  }
}

/** At most the objective of any completion within the bounds of a partial assignment with this objective and these uses. */
function boundOf(
  { multipliers, toGo, offset }: Relaxation,
  stage: number,
  objective: number,
  uses: readonly number[],
  state: number,
): number {
  let bound = objective + (toGo[stage]?.[state] ?? 0) - offset;
  // A product may round by half a unit, hence the one that is taken away.
  for (let r = 0; r < uses.length; r++) bound += Math.floor((multipliers[r] ?? 0) * (uses[r] ?? 0)) - 1;
  return bound;
}
