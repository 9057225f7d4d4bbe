import { levelNames, type Widths } from '../../compiler/allocate/auto/choices.ts';
import { assignmentOf, type ProbeRequest, probeRequest } from '../../compiler/allocate/auto/plan.ts';
import {
  type AutoProblem,
  autoProblem,
  type ModelledRequirement,
  shareOfRequirement,
} from '../../compiler/allocate/auto/problem.ts';
import {
  type AutoAllocation,
  type AutoInfeasible,
  allocateAuto,
} from '../../compiler/allocate/auto/search.ts';
import { whyOf } from '../../compiler/allocate/auto/sensitivities.ts';
import {
  type BatchPrediction,
  type Evaluate,
  measure,
  type ProbeBatch,
  type ProbePoint,
  predict,
  type Reference,
  type SensitivityTable,
} from '../../compiler/analysis/probability/index.ts';
import { denominatorOf } from '../../compiler/analysis/probability/table.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import { lowerAssigned } from '../../compiler/lower/assigned.ts';
import type { Assignment } from '../../compiler/lower/plan.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';

/** Where formats are derived: parameters and everything else but the batch, probe minibatches, and who runs graphs. */
export interface DerivationPoint {
  readonly pointOf: (program: TrainingProgram) => ProbePoint;
  readonly batchesOf: (program: TrainingProgram) => readonly ProbeBatch[];
  readonly evaluate: Evaluate;
  /** Seed of the random signs. */
  readonly seed: number;
  readonly passes?: number;
  readonly log?: (line: string) => void;
}

/** What the whole model says of a requirement at the derived formats: the largest over the batches. */
export interface Prediction {
  readonly requirement: ModelledRequirement;
  readonly batch: string;
  readonly rms: number;
  readonly quantile: number;
  /** Denominator of relative errors on that batch. */
  readonly unit: number;
}

export interface Derivation {
  readonly status: 'derived';
  readonly tables: ReadonlyMap<Reference, SensitivityTable>;
  readonly problem: AutoProblem;
  readonly allocation: AutoAllocation;
  readonly assignment: Assignment;
  readonly program: TrainingProgram;
  readonly predictions: readonly Prediction[];
  /** What each requirement's model could reach of its tolerance. */
  readonly margin: readonly number[];
  /** The model's shares of the tolerances at any widths. */
  readonly shareOf: (widths: Widths) => readonly number[];
}

export interface NotDerived {
  readonly status: 'infeasible';
  readonly problem: AutoProblem;
  readonly allocation: AutoInfeasible;
  readonly tables: ReadonlyMap<Reference, SensitivityTable>;
}

/** Times that sensitivities are measured anew around what was found. */
const CENTRES = 2;
/** Times that the search is tightened where the prediction exceeds what the table's model said. */
const CORRECTIONS = 12;
/** Trials after which the first that met everything is good enough. */
const REFINEMENTS = 6;
/** Of the corrections, those that follow the slope. */
const SECANTS = 4;

/**
 * Formats for every `auto` site at one point of training: sensitivities are measured around uniform formats and again around what the search
 * finds; then the full prediction at the found formats is compared with the model, and where it is above a requirement the search is
 * run again with less to spend.
 */
export async function deriveFormats(
  spec: CheckedSpec,
  where: DerivationPoint,
): Promise<Derivation | NotDerived> {
  let request = requestOf(spec);
  let tables = await measured(spec, request, where);
  let problem = autoProblem(spec, lowered(spec, request.assignment), tables);
  let margin: readonly number[] = problem.requirements.map(() => 1);
  for (let centre = 1; ; centre++) {
    const found = allocateAuto(problem, margin);
    if (found.status === 'infeasible') return { status: 'infeasible', problem, allocation: found, tables };
    if (centre === CENTRES || problem.choices.length === 0) break;
    const assignment = assignmentOf(problem, found.widths, '');
    request = requestOf(spec, assignment);
    tables = await measured(spec, request, where);
    problem = autoProblem(spec, lowered(spec, request.assignment), tables);
  }
  const tried: Trial[] = [];
  let best: Derivation | undefined;
  for (let round = 0; ; round++) {
    const found = allocateAuto(problem, margin);
    if (found.status === 'infeasible') {
      return best ?? { status: 'infeasible', problem, allocation: found, tables };
    }
    const trial = await tryOut(spec, problem, found, where);
    const { excess } = trial;
    const met = excess.every((share) => share <= 1);
    if (met && (best === undefined || found.cost < best.allocation.cost)) {
      best = {
        status: 'derived',
        tables,
        problem,
        allocation: found,
        margin,
        ...trial,
        shareOf: sharesOf(problem),
      };
    }
    tried.push({ margin, met, modelled: found.values.map(({ share }) => share), predicted: excess });
    const between = halfway(tried);
    if (best !== undefined && (between === undefined || round >= REFINEMENTS)) return best;
    if (round === CORRECTIONS || problem.choices.length === 0) {
      return { status: 'infeasible', problem, tables, allocation: unmet(found, excess) };
    }
    margin = between ?? tightened(problem, found, excess, margin, tried.slice(0, -1));
  }
}

/** The step at an allocation, with what the whole prediction says of it. */
async function tryOut(
  spec: CheckedSpec,
  problem: AutoProblem,
  { widths }: AutoAllocation,
  where: DerivationPoint,
): Promise<
  Pick<Derivation, 'assignment' | 'program' | 'predictions'> & { readonly excess: readonly number[] }
> {
  const assignment = assignmentOf(problem, widths, whyOf(spec));
  const program = lowered(spec, assignment);
  const predictions = await predicted(problem, program, where);
  const excess = predictions.map(
    ({ quantile, unit, requirement }) => quantile / (unit * requirement.tolerance),
  );
  where.log?.(
    `predicted ${excess.map((share, i) => `${problem.requirements[i]?.quantity} ${(100 * share).toFixed(0)} %`).join(', ')} of what is allowed`,
  );
  return { assignment, program, predictions, excess };
}

function sharesOf(problem: AutoProblem): Derivation['shareOf'] {
  return (widths) => {
    const names = levelNames(problem, widths);
    return problem.requirements.map((requirement) => shareOfRequirement(requirement, names).share);
  };
}

/** Below it, a requirement that was tightened has more left than it need have. */
const ENOUGH = 0.75;

/**
 * Margins halfway, in logarithms, between the last that met everything and the last that did not, where what was tightened for the sake of
 * the prediction now lies far below what is allowed; undefined where nothing is to be gained.
 */
function halfway(tried: readonly Trial[]): readonly number[] | undefined {
  const good = tried.findLast(({ met }) => met);
  const bad = tried.findLast(({ met }) => !met);
  if (good === undefined || bad === undefined) return undefined;
  const binding = bad.predicted.flatMap((share, i) => (share > 1 ? [good.predicted[i] ?? 1] : []));
  if (binding.every((share) => share > ENOUGH)) return undefined;
  return good.margin.map((m, i) => Math.sqrt(m * (bad.margin[i] ?? m)));
}

/** What the whole prediction says of the last formats that were tried, where no correction was enough. */
function unmet({ widths, values }: AutoAllocation, excess: readonly number[]): AutoInfeasible {
  return {
    status: 'infeasible',
    requirement: excess.findIndex((share) => share > 1),
    values: values.map((value, i) => ({ ...value, share: excess[i] ?? value.share })),
    widths,
  };
}

/** Shares of the tolerances at formats that were tried: by the table's model, and by the whole prediction. */
interface Trial {
  readonly margin: readonly number[];
  readonly met: boolean;
  readonly modelled: readonly number[];
  readonly predicted: readonly number[];
}

/**
 * Smaller margins for requirements that the prediction exceeds. Errors need not fall in proportion to what the model says, so the slope is
 * taken from the last trial where there is one: a secant in logarithms.
 */
function tightened(
  problem: AutoProblem,
  found: AutoAllocation,
  excess: readonly number[],
  margin: readonly number[],
  tried: readonly Trial[],
): readonly number[] {
  const last = tried.at(-1);
  return problem.requirements.map((_, i) => {
    const share = excess[i] ?? 0;
    const current = margin[i] ?? 1;
    const modelled = Math.min(current, found.values[i]?.share ?? current);
    if (share <= 1 || !(modelled > 0)) return current;
    const before = last && { modelled: last.modelled[i] ?? 0, predicted: last.predicted[i] ?? 0 };
    const slope =
      before !== undefined && before.modelled > modelled * 1.02 && before.predicted > share
        ? Math.log(before.predicted / share) / Math.log(before.modelled / modelled)
        : 1;
    // Past a few trials the model is no guide, and less is spent each time.
    const power = tried.length < SECANTS ? 1 / Math.min(1, Math.max(slope, MIN_SLOPE)) : 1 / MIN_SLOPE;
    return modelled * Math.min(0.9, 0.97 / share) ** power;
  });
}

/** A step of the secant is at most this power of the excess. */
const MIN_SLOPE = 0.2;

function requestOf(spec: CheckedSpec, around?: Assignment): ProbeRequest {
  const request = probeRequest(spec, around?.formats);
  if (request === undefined) throw new Error('the spec has nothing to derive');
  return request;
}

/** The step at an assignment; what could fail was checked with the spec. */
export function lowered(spec: CheckedSpec, assignment: Assignment): TrainingProgram {
  const { value: program, diagnostics } = lowerAssigned(spec, assignment);
  if (program === undefined)
    throw new Error(`no plan: ${diagnostics.map(({ message }) => message).join('; ')}`);
  return program;
}

async function measured(
  spec: CheckedSpec,
  { assignment, levels, references, probability }: ProbeRequest,
  where: DerivationPoint,
): Promise<ReadonlyMap<Reference, SensitivityTable>> {
  const program = lowered(spec, assignment);
  const [point, batches] = [where.pointOf(program), where.batchesOf(program)];
  const tables = new Map<Reference, SensitivityTable>();
  for (const [reference, quantities] of references) {
    const start = performance.now();
    const options = { reference, quantities, levels, probability, seed: where.seed, ...passesOf(where) };
    tables.set(reference, await measure(program, point, batches, where.evaluate, options));
    where.log?.(
      `measured ${quantities.join(', ')} against ${reference}: ${((performance.now() - start) / 1000).toFixed(1)} s`,
    );
  }
  return tables;
}

function passesOf({ passes }: DerivationPoint): { readonly passes?: number } {
  return passes === undefined ? {} : { passes };
}

async function predicted(
  problem: AutoProblem,
  program: TrainingProgram,
  where: DerivationPoint,
): Promise<readonly Prediction[]> {
  const [point, batches] = [where.pointOf(program), where.batchesOf(program)];
  const byReference = new Map<Reference, readonly BatchPrediction[]>();
  for (const { requirement } of problem.requirements) {
    const { reference, probability } = requirement;
    if (byReference.has(reference)) continue;
    const options = {
      reference,
      seed: where.seed + 1,
      ...passesOf(where),
      ...(probability === undefined ? {} : { probability }),
    };
    byReference.set(reference, await predict(program, point, batches, where.evaluate, options));
  }
  return problem.requirements.map((requirement) => {
    const { table, quantity, denominator } = requirement;
    const all = (byReference.get(requirement.requirement.reference) ?? []).flatMap(
      ({ batch, quantities }) => {
        const found = quantities.get(quantity);
        return found
          ? [{ batch, ...found, unit: denominatorOf(table, quantity, found.norm, denominator) }]
          : [];
      },
    );
    const [first, ...others] = all;
    if (first === undefined) throw new Error(`'${quantity}' was not predicted`);
    const worst = others.reduce((a, b) => (b.quantile / b.unit > a.quantile / a.unit ? b : a), first);
    return { requirement, batch: worst.batch, rms: worst.rms, quantile: worst.quantile, unit: worst.unit };
  });
}
