import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { floatInitializers, readModel } from '../../compiler/emit/onnx/read-model.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import { insideFolder } from '../data/root.ts';
import type { Tensors } from '../engines/engine.ts';
import { runFailure } from '../failure.ts';
import { dataError, readFailure } from '../storage/data-error.ts';
import { readSafetensors } from '../storage/safetensors.ts';
import { pickState } from './model-file.ts';
import { initialState, type State, withDtype } from './state.ts';

/**
 * The state before the first step: drawn from the seed, or where the model says `init from "…"` the file's parameters, and
 * those of its buffers that the program has.
 *
 * @param specFolder what the path in the spec is relative to
 * @throws DataError where the file cannot be read, RunFailure where it does not fit the model
 */
export async function initialStateOf(
  { spec, program }: Compiled,
  seed: number,
  specFolder: string,
): Promise<State> {
  const drawn = initialState(program, seed);
  const { initFrom } = spec.model;
  if (!initFrom) return drawn;
  const path = await insideFolder(specFolder, initFrom.path);
  const tensors = await readTensors(path);
  const wanted = program.tensors.filter(
    ({ name, role }) => role === 'parameter' || (role === 'buffer' && tensors.has(name)),
  );
  const refuse = (tensor: string, reason: string) =>
    runFailure('QS7111', { path: initFrom.path, tensor, reason });
  return new Map([...drawn, ...pickState(wanted, tensors, refuse)]);
}

/** Tensors by name: of a safetensors file, or the float initializers of an ONNX model. */
async function readTensors(path: string): Promise<Tensors> {
  if (extname(path) !== '.onnx') return (await readSafetensors(path)).tensors;
  const bytes = await readFile(path).catch((failure: unknown) => {
    throw readFailure(path, failure);
  });
  const read = readModel(bytes);
  if ('problem' in read)
    throw dataError('QS7008', { path, format: 'a usable ONNX model', reason: read.problem });
  return withDtype(floatInitializers(read.model));
}
