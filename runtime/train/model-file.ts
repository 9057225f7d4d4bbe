import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import type { Tensors } from '../engines/engine.ts';
import { runFailure } from '../failure.ts';
import { readSafetensors, writeSafetensors } from '../storage/safetensors.ts';
import { type FloatTensor, ofRoles, type State } from './state.ts';

/** A trained model with what its deployment needs: the two arguments of `freeze`. */
export interface TrainedModel {
  /** Parameters and buffers. */
  readonly state: State;
  /** What `meanCalibration` measured for that state. */
  readonly calibration: FloatTensors;
}

/** Follows the name of a calibrated tensor, which may share its own name with a parameter. */
const CALIBRATED = '.calibrated';

/** Writes `model.safetensors` atomically. @throws DataError where it cannot be written */
export async function writeModel(
  path: string,
  program: Pick<TrainingProgram, 'tensors'>,
  model: TrainedModel,
  metadata: ReadonlyMap<string, string>,
): Promise<void> {
  const tensors = new Map<string, FloatTensor>(ofRoles(program, model.state, 'parameter', 'buffer'));
  for (const [name, { shape, data }] of model.calibration) {
    tensors.set(`${name}${CALIBRATED}`, { dtype: 'f32', shape, data });
  }
  await writeSafetensors(path, { tensors, metadata });
}

/**
 * Reads `model.safetensors` as a model of the given program.
 * @throws DataError where the file is missing or malformed, RunFailure where it holds another model
 */
export async function readModel(
  path: string,
  program: Pick<TrainingProgram, 'tensors'>,
): Promise<TrainedModel> {
  const { tensors } = await readSafetensors(path);
  const calibration = new Map<string, FloatTensor>();
  for (const [name, tensor] of tensors) {
    if (tensor.dtype === 'f32' && name.endsWith(CALIBRATED)) {
      calibration.set(name.slice(0, -CALIBRATED.length), tensor);
    }
  }
  const wanted = program.tensors.filter(({ role }) => role !== 'state');
  return { state: pickState(path, wanted, tensors), calibration };
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
