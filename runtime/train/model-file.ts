import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import type { Tensors } from '../engines/engine.ts';
import { runFailure } from '../failure.ts';
import { readSafetensors, writeSafetensors } from '../storage/safetensors.ts';
import type { RunPaths } from './run-directory.ts';
import { type FloatTensor, ofRoles, type State, withDtype } from './state.ts';

/** A trained model with what its deployment needs: the two arguments of `freeze`. */
export interface TrainedModel {
  /** Parameters and buffers. */
  readonly state: State;
  /** What `meanCalibration` measured for that state. */
  readonly calibration: FloatTensors;
}

type ModelPaths = Pick<RunPaths, 'model' | 'calibration'>;

/** Writes `model.safetensors` and `calibration.safetensors`, each atomically. @throws DataError where one cannot be written */
export async function writeModel(
  paths: ModelPaths,
  program: Pick<TrainingProgram, 'tensors'>,
  { state, calibration }: TrainedModel,
  metadata: ReadonlyMap<string, string>,
): Promise<void> {
  await writeSafetensors(paths.model, { tensors: ofRoles(program, state, 'parameter', 'buffer'), metadata });
  await writeSafetensors(paths.calibration, { tensors: withDtype(calibration), metadata });
}

/**
 * Reads what {@link writeModel} wrote as a model of the given program.
 * @throws DataError where a file is missing or malformed, RunFailure where it holds another model
 */
export async function readModel(
  paths: ModelPaths,
  program: Pick<TrainingProgram, 'tensors'>,
): Promise<TrainedModel> {
  const { tensors } = await readSafetensors(paths.model);
  const calibration = new Map<string, FloatTensor>();
  for (const [name, tensor] of (await readSafetensors(paths.calibration)).tensors) {
    if (tensor.dtype === 'f32') calibration.set(name, tensor);
  }
  const wanted = program.tensors.filter(({ role }) => role !== 'state');
  return { state: pickState(paths.model, wanted, tensors), calibration };
}

/** The tensors that a program declares, out of those of a file. @throws RunFailure where one is missing or has another shape */
export function pickState(path: string, wanted: TrainingProgram['tensors'], tensors: Tensors): State {
  return new Map(
    wanted.map(({ name, shape }) => {
      const tensor = tensors.get(name);
      const refuse = (reason: string) => runFailure('QS7111', { path, tensor: name, reason });
      if (!tensor) throw refuse('is missing');
      if (tensor.dtype !== 'f32') throw refuse('is not F32');
      if (tensor.shape.join() !== shape.join()) {
        throw refuse(`has the shape [${tensor.shape.join(', ')}], not [${shape.join(', ')}]`);
      }
      return [name, tensor] as const;
    }),
  );
}
