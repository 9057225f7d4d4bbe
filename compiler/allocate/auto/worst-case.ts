import {
  contributors,
  type RequirementBound,
  requirementBounds,
  targetsOf,
  unprovable,
  worstCaseReferences,
} from '../../analysis/prove/requirements.ts';
import {
  analyseWorstCase,
  contributionsOf,
  sharedTensors,
  type WorstCase,
} from '../../analysis/worst-case/index.ts';
import type { CheckedSpec } from '../../check/checked-spec.ts';
import { diagnostic, type Result } from '../../diagnostics/diagnostic.ts';
import { lowerAssigned } from '../../lower/assigned.ts';
import type { Assignment } from '../../lower/plan.ts';
import { formatBound } from '../../numeric/bound/decimal.ts';
import { divide, isUnbounded, toNumber } from '../../numeric/bound.ts';
import type { AllocationProblem } from '../problem.ts';
import { type Choices, choicesOf, type Widths } from './choices.ts';
import { costAt, descend, isBetter, uniform } from './moves.ts';
import { assignmentOf, firstAssignment } from './plan.ts';
import { solved } from './search.ts';

/** Formats that meet what is required in the worst case, at the initial weights. */
export interface WorstCaseAllocation {
  readonly assignment: Assignment;
  readonly bounds: readonly RequirementBound[];
  readonly cost: number;
  /** No assignment that meets the requirements costs less: each site alone, all others at their widest, needs that many bits. */
  readonly lowerBound: number;
  /** Of the widest formats. */
  readonly costAtWidest: number;
}

/** Rounds of linearizing and solving. */
const ROUNDS = 5;

/**
 * The cheapest formats that the search finds for the `auto` sites of a spec whose requirements name no probability. The bound is no sum over
 * sites: it is linearized, the sum's optimum found and held against the whole bound, tightened until that holds, and improved by single
 * steps down until no site can drop a level. Without the adjoint domain, which a certificate leaves out.
 */
export function deriveWorstCase(spec: CheckedSpec): Result<WorstCaseAllocation> {
  const refused = unprovable(spec);
  if (refused.length > 0) return { value: undefined, diagnostics: refused };
  const evaluator = evaluatorOf(spec);
  if (evaluator.value === undefined) return { value: undefined, diagnostics: evaluator.diagnostics };
  const { choices, at } = evaluator.value;
  const sharesAt = (widths: Widths): readonly number[] => at(widths).bounds.map(shareOf);
  const allowed = (widths: Widths): boolean => sharesAt(widths).every((share) => share <= 1);
  const widest = choices.choices.map(({ widths }) => widths.length - 1);
  if (!allowed(widest)) return { value: undefined, diagnostics: [infeasible(at(widest))] };
  const model = new LinearModel(choices);
  const integers = choices.choices.map(({ widths }) =>
    Math.max(
      0,
      widths.findLastIndex((bits) => bits < 32),
    ),
  );
  model.learn(integers, at(integers));
  let best: Widths = uniform(widest, allowed);
  let around = best;
  let tightness = 1;
  for (let round = 0; round < ROUNDS; round++) {
    model.learn(around, at(around));
    const next = solved(choices, model.problem(tightness));
    if (next === undefined) {
      tightness *= 1.5;
      continue;
    }
    const excess = Math.max(...sharesAt(next));
    if (excess <= 1 && isBetter(choices, next, best)) best = next;
    tightness = excess <= 1 ? tightness * 1.1 : tightness / (Math.min(excess, 1e6) * 1.02);
    around = next;
  }
  best = descend(choices, best, allowed);
  const value: WorstCaseAllocation = {
    assignment: assignmentOf(choices, best, 'derived from the worst case'),
    bounds: at(best).bounds,
    cost: costAt(choices, best),
    lowerBound: costAt(choices, leastAlone(choices, widest, allowed)),
    costAtWidest: costAt(choices, widest),
  };
  return { value, diagnostics: [] };
}

interface Evaluation {
  readonly worst: WorstCase;
  readonly bounds: readonly RequirementBound[];
}

interface Evaluator {
  readonly choices: Choices;
  readonly at: (widths: Widths) => Evaluation;
}

function evaluatorOf(spec: CheckedSpec): Result<Evaluator> {
  const first = lowerAssigned(spec, firstAssignment(spec));
  if (first.value === undefined) return { value: undefined, diagnostics: first.diagnostics };
  const choices = choicesOf(spec, first.value);
  const shared = sharedTensors();
  const options = { references: worstCaseReferences(spec), adjoint: false, shared } as const;
  const known = new Map<string, Evaluation>();
  const at = (widths: Widths): Evaluation => {
    const key = widths.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    const program = lowerAssigned(spec, assignmentOf(choices, widths, '')).value;
    if (program === undefined) throw new Error('formats of the levels do not lower');
    const worst = analyseWorstCase(spec, program.plan, program, options);
    const evaluation = { worst, bounds: requirementBounds(spec, worst.quantities) };
    known.set(key, evaluation);
    return evaluation;
  };
  return { value: { choices, at }, diagnostics: [] };
}

function shareOf({ error, allowed }: RequirementBound): number {
  return isUnbounded(error) ? Number.POSITIVE_INFINITY : toNumber(divide(error, allowed));
}

/** What each site adds to each bound to first order, as if a bit more halved it. */
class LinearModel {
  readonly #choices: Choices;
  /** By requirement: what a site adds times 2^bits, in units of what is allowed; and what no site adds. */
  readonly #sites: Map<string, number>[] = [];
  readonly #rest: number[] = [];

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  learn(widths: Widths, { worst, bounds }: Evaluation): void {
    const bits = new Map(
      this.#choices.choices.flatMap(({ sites, widths: all }, i) =>
        sites.map(({ name }) => [name, all[widths[i] ?? 0] ?? 32] as const),
      ),
    );
    bounds.forEach((bound, r) => {
      const share = shareOf(bound);
      const parts = contributionsOf(worst.step, targetsOf(bound.requirement, worst));
      const amounts = parts.map(({ amount }) => (isUnbounded(amount) ? 0 : toNumber(amount)));
      const total = amounts.reduce((a, b) => a + b, 0);
      if (!(total > 0 && Number.isFinite(total) && Number.isFinite(share))) return;
      const sites = this.#sites[r] ?? new Map<string, number>();
      let rest = share;
      parts.forEach(({ kind, name }, i) => {
        const width = bits.get(name);
        if (kind !== 'quantizer' || width === undefined || width === 32) return;
        const part = (share * (amounts[i] ?? 0)) / total;
        sites.set(name, part * 2 ** width);
        rest -= part;
      });
      this.#sites[r] = sites;
      this.#rest[r] = Math.max(0, rest);
    });
  }

  problem(tightness: number): AllocationProblem {
    const { choices, variables, objective } = this.#choices;
    return {
      sites: [...new Set([...variables, ...objective.flatMap(({ sites }) => sites)])],
      ties: [],
      limits: [],
      objective,
      requirements: this.#sites.map((sites, r) => ({
        name: `requirement ${r + 1}`,
        contributions: choices.map(({ sites: group, widths }, i) => {
          const variable = variables[i];
          if (variable === undefined) throw new Error('a choice has no variable');
          const unit = group.reduce((sum, { name }) => sum + (sites.get(name) ?? 0), 0);
          const values = widths.map((bits) => (bits === 32 ? 0 : unit * 2 ** -bits));
          return { name: variable.name, sites: [variable], values };
        }),
        bound: Math.max(0, tightness - (this.#rest[r] ?? 0)),
      })),
    };
  }
}

/** The least width of each choice where all others are at their widest: whatever meets the requirements has no fewer bits anywhere. */
function leastAlone({ choices }: Choices, widest: Widths, allowed: (widths: Widths) => boolean): Widths {
  return choices.map(({ widths }, i) => {
    let [low, high] = [0, widths.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (allowed(widest.map((w, j) => (j === i ? middle : w)))) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}

function infeasible({ worst, bounds }: Evaluation) {
  const failed = bounds.find(({ met }) => !met);
  if (failed === undefined) throw new Error('every requirement is met');
  const { requirement, error, allowed } = failed;
  return diagnostic(
    'QS5010',
    requirement.span,
    {
      quantity: requirement.quantity,
      tolerance: formatBound(allowed),
      best: isUnbounded(error) ? 'no bound' : formatBound(error),
      contributors: contributors(worst, requirement).join(', '),
    },
    { hint: "allow more, or add 'with probability 0.99' for what happens on data" },
  );
}
