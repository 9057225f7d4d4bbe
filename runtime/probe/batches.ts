import type { ProbeBatch, ProbePoint, ProbeTensor } from '../../compiler/analysis/probability/index.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { trainingBatches } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { batchTensors } from '../train/batch-tensors.ts';
import { hyperValues } from '../train/hyper.ts';
import type { State } from '../train/state.ts';

/**
 * Minibatches of the training set to probe with, drawn and augmented as training does, from the seed alone. The name of each says
 * which it is: `seed 7 epoch 0 step 3` is the batch that training with that seed reads there, unless inputs are drawn.
 */
export function probeBatches(
  { data }: CheckedSpec,
  program: TrainingProgram,
  dataset: Dataset,
  count: number,
  seed: number,
): readonly ProbeBatch[] {
  const batches = trainingBatches(dataset, {
    batch: data.batch === 'all' ? 'all' : program.batch,
    augment: data.augment,
    seed,
  });
  return Array.from({ length: count }, (_, i) => {
    const [epoch, step] = [Math.floor(i / batches.stepsPerEpoch), i % batches.stepsPerEpoch];
    return {
      name: `${dataset.drawn ? 'drawn inputs, ' : ''}seed ${seed} epoch ${epoch} step ${step}`,
      tensors: batchTensors(batches.batchAt(epoch, step)),
    };
  });
}

/** The point of a state at a step of training: its tensors and the step's hyperparameters. */
export function probePoint(
  program: TrainingProgram,
  state: State,
  progress: { readonly step: number; readonly stepsPerEpoch: number; readonly epochs: number },
): ProbePoint {
  const hyper = [...hyperValues(program, progress)].map(([name, value]): [string, ProbeTensor] => [
    name,
    { shape: [], data: Float32Array.of(value) },
  ]);
  return new Map<string, ProbeTensor>([...state, ...hyper]);
}
