import { writtenAssignment } from '../../compiler/allocate/auto/assignment.ts';
import { levelNames } from '../../compiler/allocate/auto/choices.ts';
import { costAt } from '../../compiler/allocate/auto/moves.ts';
import { infeasible, type Sensitivities } from '../../compiler/allocate/auto/sensitivities.ts';
import {
  formatsOf,
  probabilityStatement,
  requirementsOf,
  worstCaseStatement,
} from '../../compiler/analysis/certificate/index.ts';
import type { Reference } from '../../compiler/analysis/probability/index.ts';
import {
  proveRequirements,
  worstCaseReferences,
  worstCaseRequirements,
} from '../../compiler/analysis/prove/requirements.ts';
import { analyseWorstCase } from '../../compiler/analysis/worst-case/index.ts';
import type {
  Certificate,
  ConfirmationStatement,
  ObservedQuantity,
  ParametersStatement,
} from '../../compiler/certificate/index.ts';
import { hashOfText, seal } from '../../compiler/certificate/index.ts';
import type { CheckedSpec, Requirement } from '../../compiler/check/checked-spec.ts';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import { measuredRequirements } from '../../compiler/lower/levels.ts';
import type { Assignment } from '../../compiler/lower/plan.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../engines/engine.ts';
import { probeBatches, probePoint } from '../probe/batches.ts';
import { confirm, empiricalQuantile } from '../probe/confirm.ts';
import { evaluatorOn } from '../probe/evaluator.ts';
import type { State } from '../train/state.ts';
import { qspecVersion } from '../version.ts';
import { type Derivation, deriveFormats, lowered } from './derive.ts';

/** How much is measured. */
export interface DeriveSettings {
  /** Probe minibatches. */
  readonly batches: number;
  /** Passes of random signs for each mean. */
  readonly passes: number;
  /** Real quantized steps on each probe minibatch that confirm what was predicted. */
  readonly steps: number;
  /** Seed of minibatches, signs and noise. */
  readonly seed: number;
}

export const DERIVE_SETTINGS: DeriveSettings = { batches: 8, passes: 8, steps: 16, seed: 1 };

/** Where in training formats are derived. */
export interface TrainingPlace {
  readonly state: State;
  readonly parameters: ParametersStatement;
  readonly progress: { readonly step: number; readonly stepsPerEpoch: number; readonly epochs: number };
}

/** What came out, in figures: `derivation-NNNNNN.json` of a run. */
export interface DerivationReport {
  readonly step: number;
  /** Formats that were chosen: 0 where all are written down and only confirmed. */
  readonly choices: number;
  /** Of one step, in the spec's unit of cost; f32 everywhere for comparison. */
  readonly cost: number;
  readonly lowerBound: number;
  readonly costInF32: number;
  readonly seconds: number;
  readonly requirements: readonly RequirementReport[];
  /** Sites that could be a level narrower by the model: none, or the search has a fault. */
  readonly loose: readonly string[];
  /** How the formats that were derived before fare at this state. */
  readonly before?: readonly Violations[];
}

export interface RequirementReport {
  readonly quantity: string;
  readonly reference: Reference;
  readonly tolerance: number;
  readonly probability: number;
  /** Quantile that the whole prediction gives, in units of the denominator, at the worst batch. */
  readonly predicted: number;
  /** Over all confirming steps: how many there were, how many were within the tolerance, and their quantile. */
  readonly steps: number;
  readonly within: number;
  readonly observed: number;
}

export interface DerivedAt {
  readonly assignment: Assignment;
  readonly program: TrainingProgram;
  readonly certificate: Certificate;
  readonly sensitivities: Sensitivities;
  readonly report: DerivationReport;
  readonly derivation: Derivation;
}

/** Derives formats at a place in training, confirms them by real steps and certifies them; a diagnostic where none are good enough. */
export async function deriveAt(
  spec: CheckedSpec,
  dataset: Dataset,
  engine: Engine,
  place: TrainingPlace,
  settings: DeriveSettings,
  log: (line: string) => void,
): Promise<DerivedAt | Diagnostic> {
  const started = performance.now();
  const evaluator = evaluatorOn(engine, settings.seed);
  const pointOf = (program: TrainingProgram) => probePoint(program, place.state, place.progress);
  const batchesOf = (program: TrainingProgram) =>
    probeBatches(spec, program, dataset, settings.batches, settings.seed);
  try {
    const { evaluate } = evaluator;
    const { seed, passes } = settings;
    const found = await deriveFormats(spec, { pointOf, batchesOf, evaluate, seed, passes, log });
    if (found.status === 'infeasible') return infeasible(found.problem, found.allocation);
    const { program, problem, allocation, assignment, tables, predictions } = found;
    const observed = await observe(program, problem.requirements, { pointOf, batchesOf, evaluate }, settings);
    const names = levelNames(problem, allocation.widths);
    const proof = proofOf(spec, program, place);
    if ('code' in proof) return proof;
    const certificate = seal({
      tool: qspecVersion(),
      spec: { name: spec.name, sha256: hashOfText(spec.source.text) },
      parameters: place.parameters,
      formats: formatsOf(program.plan),
      requirements: requirementsOf(spec, 'as asked'),
      ...proof,
      probability: [...tables].map(([reference, table]) =>
        probabilityStatement(table, names, confirmationOf(observed, reference)),
      ),
    });
    const report: DerivationReport = {
      step: place.progress.step,
      choices: problem.choices.length,
      cost: allocation.cost,
      lowerBound: allocation.lowerBound,
      costInF32: problem.objective.reduce((sum, { values }) => sum + Math.max(...values), 0),
      seconds: (performance.now() - started) / 1000,
      requirements: predictions.map(({ requirement, quantile, unit }) => {
        const draws = observed.get(requirement.requirement.reference)?.draws.get(requirement.quantity) ?? [];
        const relative = draws.map(({ error, norm }) => {
          const by = requirement.denominator === 'norm' ? norm : unit;
          return error / by;
        });
        relative.sort((a, b) => a - b);
        const probability = requirement.requirement.probability ?? 1;
        return {
          quantity: requirement.quantity,
          reference: requirement.requirement.reference,
          tolerance: requirement.tolerance,
          probability,
          predicted: quantile / unit,
          steps: relative.length,
          within: relative.filter((e) => e <= requirement.tolerance).length,
          observed: relative[Math.max(0, Math.ceil(probability * relative.length) - 1)] ?? Number.NaN,
        };
      }),
      loose: looseSites(found),
    };
    const sensitivities: Sensitivities = {
      kind: 'qspec sensitivities',
      version: 1,
      spec: hashOfText(spec.source.text),
      parameters: describeParameters(place.parameters),
      tables: [...tables.values()],
      margin: found.margin,
    };
    return { assignment, program, certificate, sensitivities, report, derivation: found };
  } finally {
    await evaluator.dispose();
  }
}

/** The worst case, where a requirement asks for it; why it does not hold, where it does not. */
function proofOf(
  spec: CheckedSpec,
  program: TrainingProgram,
  { state }: TrainingPlace,
): Pick<Certificate, 'worst_case'> | Diagnostic {
  if (worstCaseRequirements(spec).length === 0) return {};
  const { seed } = spec.train;
  const references = worstCaseReferences(spec);
  const [unmet] = proveRequirements(
    spec,
    analyseWorstCase(spec, program.plan, program, { state, references }),
  );
  return unmet ?? { worst_case: worstCaseStatement(spec, program, { seed, state }).statement };
}

function describeParameters(parameters: ParametersStatement): string {
  if (parameters.kind === 'initial') return `initial, seed ${parameters.seed}`;
  return parameters.kind === 'checkpoint' ? `step ${parameters.step}` : 'any initial';
}

/** Choices that could step down by the model within its margins. */
function looseSites({ problem, allocation, margin, shareOf }: Derivation): readonly string[] {
  return problem.choices.flatMap(({ sites }, i) => {
    const width = allocation.widths[i] ?? 0;
    if (width === 0) return [];
    const next = allocation.widths.map((w, j) => (j === i ? w - 1 : w));
    const fits = shareOf(next).every((share, r) => share <= (margin[r] ?? 1));
    return fits && costAt(problem, next) <= costAt(problem, allocation.widths)
      ? sites.map(({ name }) => name)
      : [];
  });
}

interface ObservedReference {
  readonly confirmation: ConfirmationStatement;
  readonly draws: ReadonlyMap<string, readonly { readonly error: number; readonly norm: number }[]>;
}

interface Required {
  readonly requirement: Requirement;
  readonly quantity: string;
}

type Runner = Pick<Parameters<typeof deriveFormats>[1], 'pointOf' | 'batchesOf' | 'evaluate'>;

/** Real quantized steps on every probe batch, for each reference that requirements name. */
async function observe(
  program: TrainingProgram,
  requirements: readonly Required[],
  { pointOf, batchesOf, evaluate }: Runner,
  { steps }: DeriveSettings,
): Promise<ReadonlyMap<Reference, ObservedReference>> {
  const result = new Map<Reference, ObservedReference>();
  for (const reference of new Set(requirements.map((r) => r.requirement.reference))) {
    const asked = requirements.filter((r) => r.requirement.reference === reference);
    const wanted = new Set<string>(asked.map(({ quantity }) => quantity));
    const probability = Math.max(...asked.map(({ requirement }) => requirement.probability ?? 1));
    const draws = new Map<string, { error: number; norm: number }[]>();
    const batches: ConfirmationStatement['batches'][number][] = [];
    for (const batch of batchesOf(program)) {
      const options = { reference, draws: steps, firstStep: FIRST_STEP };
      const observed = await confirm(program, pointOf(program), batch, evaluate, options);
      const quantities: Record<string, ObservedQuantity> = {};
      for (const [quantity, errors] of observed) {
        if (!wanted.has(quantity)) continue;
        const { norm, rms } = errors;
        const quantile = empiricalQuantile(errors, probability);
        quantities[quantity] = { norm, rms, quantile, errors: [...errors.errors] };
        const list = draws.get(quantity) ?? [];
        for (const error of errors.errors) list.push({ error, norm });
        draws.set(quantity, list);
      }
      batches.push({ batch: batch.name, quantities });
    }
    result.set(reference, { confirmation: { steps, first_step: FIRST_STEP, batches }, draws });
  }
  return result;
}

/** Noise steps of the confirmation lie away from those of the prediction. */
const FIRST_STEP = 1_000_000;

function confirmationOf(
  observed: ReadonlyMap<Reference, ObservedReference>,
  reference: Reference,
): { readonly confirmation?: ConfirmationStatement } {
  const found = observed.get(reference);
  return found === undefined ? {} : { confirmation: found.confirmation };
}

/** How many confirming steps broke a requirement. */
export interface Violations {
  readonly quantity: string;
  readonly steps: number;
  readonly violations: number;
}

/** How often formats that were certified earlier still hold at another state: by confirming steps alone. */
export async function countViolations(
  spec: CheckedSpec,
  dataset: Dataset,
  engine: Engine,
  place: TrainingPlace,
  certificate: Certificate,
  settings: DeriveSettings,
): Promise<readonly Violations[]> {
  const { value: assignment } = writtenAssignment(spec, certificate.formats, '');
  if (assignment === undefined) throw new Error('a certificate of the run does not fit its spec');
  const program = lowered(spec, assignment);
  const requirements = measuredRequirements(spec).map((requirement) => ({
    requirement,
    quantity: requirement.quantity,
    statement: certificate.probability?.find(({ reference }) => reference === requirement.reference),
  }));
  const evaluator = evaluatorOn(engine, settings.seed);
  try {
    const run: Runner = {
      pointOf: (p) => probePoint(p, place.state, place.progress),
      batchesOf: (p) => probeBatches(spec, p, dataset, settings.batches, settings.seed),
      evaluate: evaluator.evaluate,
    };
    const observed = await observe(program, requirements, run, settings);
    return requirements.map(({ requirement, quantity, statement }) => {
      const { relativeTo, bound, reference } = requirement;
      const draws = observed.get(reference)?.draws.get(quantity) ?? [];
      const violations = draws.filter(({ error, norm }) => {
        if (typeof relativeTo === 'object') return error > bound * relativeTo.declared;
        return error > bound * (relativeTo === 'norm' ? norm : (statement?.noise_floor[quantity] ?? norm));
      }).length;
      return { quantity, steps: draws.length, violations };
    });
  } finally {
    await evaluator.dispose();
  }
}
