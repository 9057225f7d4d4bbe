import { dirname, resolve } from 'node:path';
import type { Compiled } from '../../compiler/pipeline.ts';
import { readSafetensors } from '../storage/safetensors.ts';
import { pickState } from './model-file.ts';
import { initialState, type State } from './state.ts';

/**
 * The state before the first step: drawn from the seed, or where the model says `init from "…"` the file's parameters, and
 * those of its buffers that the program has.
 *
 * @throws DataError where the file cannot be read, RunFailure where it does not fit the model
 */
export async function initialStateOf({ spec, program }: Compiled, seed: number): Promise<State> {
  const drawn = initialState(program, seed);
  if (!spec.model.initFrom) return drawn;
  const path = resolve(dirname(spec.source.path), spec.model.initFrom.path);
  const { tensors } = await readSafetensors(path);
  const wanted = program.tensors.filter(
    ({ name, role }) => role === 'parameter' || (role === 'buffer' && tensors.has(name)),
  );
  return new Map([...drawn, ...pickState(path, wanted, tensors)]);
}
