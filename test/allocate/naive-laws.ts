import type { ProbeBatch, ProbePoint } from '../../compiler/analysis/probability/index.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { checkSource } from '../../compiler/pipeline.ts';
import { type Derivation, deriveFormats } from '../../runtime/auto/derive.ts';
import { loadDataset } from '../../runtime/data/dataset.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { probeBatches, probePoint } from '../../runtime/probe/batches.ts';
import { evaluatorOn } from '../../runtime/probe/evaluator.ts';
import { initialState } from '../../runtime/train/state.ts';

export function specOf(text: string): CheckedSpec {
  const { value, diagnostics } = checkSource({ path: 'naive.qspec', text });
  if (value === undefined) throw new Error(diagnostics.map(({ message }) => message).join());
  return value;
}

/** Where formats are derived: a spec, parameters and probe batches. */
export interface Situation {
  readonly spec: CheckedSpec;
  readonly pointOf: (program: TrainingProgram) => ProbePoint;
  readonly batchesOf: (program: TrainingProgram) => readonly ProbeBatch[];
}

/** Seed of parameters, batches, signs and noise. */
export const SEED = 4;

/** The first batches at the initial parameters, two unless stated. */
export async function initialSituation(spec: CheckedSpec, batches = 2): Promise<Situation> {
  const dataset = await loadDataset(spec.data);
  return {
    spec,
    pointOf: (program) =>
      probePoint(program, initialState(program, SEED), { step: 0, stepsPerEpoch: 10, epochs: 2 }),
    batchesOf: (program) => probeBatches(spec, program, dataset, batches, SEED),
  };
}

/** Formats by the production search, measured in float64 with four passes. */
export async function derived({ spec, pointOf, batchesOf }: Situation): Promise<Derivation> {
  const engine = createReferenceEngine();
  const evaluator = evaluatorOn(engine, SEED);
  try {
    const { evaluate } = evaluator;
    const found = await deriveFormats(spec, { pointOf, batchesOf, evaluate, seed: SEED, passes: 4 });
    if (found.status === 'infeasible') throw new Error('f32 meets everything');
    return found;
  } finally {
    await evaluator.dispose();
  }
}

/** Derived bits by site. */
export function bitsOf({ problem, allocation }: Derivation): ReadonlyMap<string, number> {
  return new Map(
    problem.choices.flatMap(({ sites, widths }, i) =>
      sites.map(({ name }) => [name, widths[allocation.widths[i] ?? 0] ?? 0] as const),
    ),
  );
}

/** Prints what `results/naive-laws.md` records, where QSPEC_PRINT is 1. */
export function record(...cells: readonly (string | number)[]): void {
  if (process.env['QSPEC_PRINT'] !== '1') return;
  process.stdout.write(
    `| ${cells.map((x) => (typeof x === 'number' ? Number(x.toPrecision(3)) : x)).join(' | ')} |\n`,
  );
}
