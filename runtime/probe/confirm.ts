import {
  type Evaluate,
  EXACT,
  observation,
  type ProbeBatch,
  type ProbePoint,
  type ProbeTensors,
  passOf,
  type Quantity,
  quantitiesOfOutput,
  type Reference,
  takeRealSteps,
} from '../../compiler/analysis/probability/index.ts';
import { lookup } from '../../compiler/lower/lookup.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';

/** Errors that real quantized steps made, in the 2-norm. */
export interface Observed {
  /** Of every draw, ascending. */
  readonly errors: Float64Array;
  readonly rms: number;
  /** 2-norm of the quantity at the reference (of the last draw, where it depends on the draw). */
  readonly norm: number;
}

/** The p-quantile of a sample: the smallest value that at least a share p of it does not exceed. */
export function empiricalQuantile({ errors }: Observed, probability: number): number {
  return errors[Math.min(errors.length - 1, Math.ceil(probability * errors.length) - 1)] ?? Number.NaN;
}

export interface ConfirmOptions {
  readonly reference: Reference;
  readonly draws: number;
  /** The noise step of the first draw; each draw takes the next. */
  readonly firstStep?: number;
}

/** Runs real quantized steps at one point and batch, each with noise of its own, and measures them against the reference. */
export async function confirm(
  program: TrainingProgram,
  point: ProbePoint,
  batch: ProbeBatch,
  evaluate: Evaluate,
  { reference, draws, firstStep = 0 }: ConfirmOptions,
): Promise<ReadonlyMap<Quantity, Observed>> {
  const observed = observation(program, reference);
  const pass = passOf(evaluate, [point, batch.tensors], firstStep);
  const { squares: errors, target } = await takeRealSteps(program, observed, pass, {
    draws,
    first: firstStep,
  });
  const norms = squaredNorms(program, pass.inputs, target, observed.names);
  return new Map(
    [...errors].map(([quantity, squares]) => [
      quantity,
      {
        errors: squares.map(Math.sqrt).sort(),
        rms: Math.sqrt(squares.reduce((a, b) => a + b, 0) / draws),
        norm: Math.sqrt(norms.get(quantity) ?? 0),
      },
    ]),
  );
}

function squaredNorms(
  program: TrainingProgram,
  inputs: ProbeTensors,
  target: ProbeTensors,
  names: readonly string[],
): ReadonlyMap<Quantity, number> {
  const norms = new Map<Quantity, number>();
  for (const name of names) {
    const { data } = lookup(target, EXACT + name);
    for (const quantity of quantitiesOfOutput(program, name)) {
      const old = quantity === 'update' ? lookup(inputs, name).data : undefined;
      let sum = norms.get(quantity) ?? 0;
      for (let i = 0; i < data.length; i++) sum += ((data[i] ?? 0) - (old?.[i] ?? 0)) ** 2;
      norms.set(quantity, sum);
    }
  }
  return norms;
}
