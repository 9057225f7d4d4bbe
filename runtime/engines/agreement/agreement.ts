import type { TrainingProgram } from '../../../compiler/lower/program.ts';
import { lowerTraining } from '../../../compiler/lower/training.ts';
import type { Compiled } from '../../../compiler/pipeline.ts';
import { lineStarts, positionAt, type Source } from '../../../compiler/source/source.ts';
import { countAllNonFinite } from '../../train/finite.ts';
import { hyperValues } from '../../train/hyper.ts';
import { initialState, type State } from '../../train/state.ts';
import type { Engine, HostTensor, Tensors } from '../engine.ts';
import { createReferenceEngine } from '../reference.ts';
import { Drift, type DriftTable } from './drift.ts';
import { type Divergence, type FoundFlip, OpComparison, type OpTable } from './ops.ts';
import { syntheticBatch } from './synthetic.ts';

export interface AgreementOptions {
  readonly steps: number;
  readonly seed: number;
}

/** How two engines and the float64 reference evaluator agree on a training program. */
export interface Agreement {
  readonly steps: number;
  readonly ops: OpTable;
  readonly flips: readonly FoundFlip[];
  /** Empty where every op of every step is within its stated rounding. */
  readonly divergences: readonly Divergence[];
  readonly drift: DriftTable;
  /** Elements of the whole steps' outputs that are infinite or NaN, in any engine. */
  readonly nonFinite: number;
}

/**
 * Trains on synthetic batches with the first engine, and at every step restarts all of them from the state that it reached: each op by
 * itself on identical inputs, then the step as a whole.
 */
export async function measureAgreement(
  program: TrainingProgram,
  engines: readonly [Engine, Engine],
  { steps, seed }: AgreementOptions,
): Promise<Agreement> {
  const all = [...engines, createReferenceEngine()];
  const ops = await OpComparison.create(program.step, engines, seed);
  const whole = await Promise.all(all.map((engine) => engine.load(program.step, { seed })));
  const drift = new Drift();
  let state = initialState(program, seed);
  let nonFinite = 0;
  try {
    for (let step = 0; step < steps; step++) {
      const inputs = stepInputs(program, state, { step, steps, seed });
      await ops.compare(inputs, step);
      const results: Tensors[] = [];
      for (const executable of whole) results.push(await executable.run(inputs, step));
      forEachPair(all, (a, b) => {
        drift.add(`${all[b]?.name} − ${all[a]?.name}`, results[b] ?? new Map(), results[a] ?? new Map());
      });
      for (const outputs of results) nonFinite += countAllNonFinite(outputs.values());
      state = nextState(program, results[0] ?? new Map());
    }
  } finally {
    await ops.dispose();
    for (const executable of whole) await executable.dispose();
  }
  const { table, flips, divergences } = ops;
  return { steps, ops: table, flips, divergences, drift: drift.table, nonFinite };
}

/** A compiled spec's program with another batch size. */
export function programAtBatch(
  { spec, plan }: Pick<Compiled, 'spec' | 'plan'>,
  batch: number,
): TrainingProgram {
  const { value } = lowerTraining({ ...spec, data: { ...spec.data, batch } }, plan);
  if (!value) throw new Error(`'${spec.name}' does not lower at batch ${batch}`);
  return value;
}

/** Tensor, phase and source line of a divergence, with the element that shows it. */
export function describeDivergence(
  { engine, step, tensor, index, found, exact, allowed }: Divergence,
  source: Source,
): string {
  const { line } = positionAt(lineStarts(source.text), tensor.span.start);
  const place = `${tensor.name} (${tensor.op} of ${tensor.phase}, ${source.path}:${line})`;
  const difference = `element ${index} is ${found} in ${engine} where float64 has ${exact}`;
  return `step ${step}, ${place}: ${difference}; rounding explains ${allowed}`;
}

/** The inputs of one step: state, batch and what the host computes from the step number. */
function stepInputs(
  program: TrainingProgram,
  state: State,
  { step, steps, seed }: AgreementOptions & { readonly step: number },
): Tensors {
  const hyper = hyperValues(program, { step, stepsPerEpoch: steps, epochs: 1 });
  const scalars = [...hyper].map(([name, value]): [string, HostTensor] => [
    name,
    { dtype: 'f32', shape: [], data: Float32Array.of(value) },
  ]);
  return new Map([...state, ...scalars, ...syntheticBatch(program, seed, step)]);
}

function nextState(program: TrainingProgram, outputs: Tensors): State {
  return new Map(
    program.tensors.map(({ name }) => {
      const tensor = outputs.get(name);
      if (tensor?.dtype !== 'f32') throw new Error(`the step gave no '${name}'`);
      return [name, tensor];
    }),
  );
}

function forEachPair(items: readonly unknown[], visit: (a: number, b: number) => void): void {
  for (let b = 1; b < items.length; b++) for (let a = 0; a < b; a++) visit(a, b);
}
