import { sameShape } from '../../compiler/ir/graph.ts';
import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import type { Tensors } from '../engines/engine.ts';
import { type RunFailure, runFailure } from '../failure.ts';
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
  { program, hash }: Pick<Compiled, 'hash'> & { readonly program: Pick<TrainingProgram, 'tensors'> },
): Promise<TrainedModel> {
  const read = async (path: string) => {
    const { tensors, metadata } = await readSafetensors(path);
    if (metadata.get('spec') === hash) return tensors;
    throw runFailure(
      'QS7105',
      { path, reason: "it is not of the run's spec" },
      'start the run anew with --force',
    );
  };
  const tensors = await read(paths.model);
  const calibration = new Map<string, FloatTensor>();
  for (const [name, tensor] of await read(paths.calibration)) {
    if (tensor.dtype === 'f32') calibration.set(name, tensor);
  }
  const wanted = program.tensors.filter(({ role }) => role !== 'state');
  return { state: pickState(wanted, tensors, refuseRunFile(paths.model)), calibration };
}

/**
 * The tensors that a program declares, out of those of a file.
 * @throws what `refuse` makes of a tensor that is missing or has another shape
 */
export function pickState(
  wanted: TrainingProgram['tensors'],
  tensors: Tensors,
  refuse: (tensor: string, problem: string) => RunFailure,
): State {
  return new Map(
    wanted.map(({ name, shape }) => {
      const tensor = tensors.get(name);
      if (!tensor) throw refuse(name, 'is missing');
      if (tensor.dtype !== 'f32') throw refuse(name, 'is not F32');
      if (!sameShape(tensor.shape, shape)) {
        throw refuse(name, `has the shape ${tensor.shape.join(' × ')}, not ${shape.join(' × ')}`);
      }
      return [name, tensor] as const;
    }),
  );
}

/** Refuses a file of a run directory. */
export function refuseRunFile(path: string): (tensor: string, problem: string) => RunFailure {
  return (tensor, problem) => {
    const reason = `its tensor ${JSON.stringify(tensor)} ${problem}`;
    return runFailure('QS7105', { path, reason }, 'start the run anew with --force');
  };
}
