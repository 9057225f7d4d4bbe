import type { Tensor } from '@tensorflow/tfjs-core';
import { emitTfjsProgram } from '../../../compiler/emit/tfjs/emit-program.ts';
import { evaluateModules } from '../../../runtime/engines/tfjs-module.ts';
import { PLAIN, SMALL_TEXT, type SmallNames, smallEvaluation, smallProgram } from './small-program.ts';

/** The small program, emitted. */
export function emitSmall(
  names: SmallNames = PLAIN,
  path = 'specs/two-layers.qspec',
): ReadonlyMap<string, string> {
  return emitTfjsProgram(smallProgram(names), {
    source: { path, text: SMALL_TEXT },
    toolVersion: '0.1.0',
    specHash: '0123abcd',
    evaluation: smallEvaluation(names),
  });
}

type Group = Readonly<Record<string, Tensor>>;

export interface EmittedState {
  readonly seed: number;
  readonly step: number;
  readonly tensors: { readonly params: Group; readonly buffers: Group; readonly optimizer: Group };
}

/** What the emitted `index.ts` and `state.ts` export. */
export interface EmittedProgram {
  createState(seed: number): EmittedState;
  disposeState(state: EmittedState): void;
  trainStep(
    state: EmittedState,
    batch: Group,
    run: { readonly stepsPerEpoch: number; readonly epochs: number },
  ): Promise<{ readonly state: EmittedState; readonly loss: number }>;
  predict(state: EmittedState, batch: Group): Group;
}

export interface EmittedTensor {
  readonly name: string;
  readonly group: 'params' | 'buffers' | 'optimizer';
  readonly key: string;
  readonly shape: readonly number[];
}

export function loadProgram(files: ReadonlyMap<string, string>): EmittedProgram {
  return evaluateModules(files, 'index.ts') as unknown as EmittedProgram;
}

export function tensorTable(files: ReadonlyMap<string, string>): readonly EmittedTensor[] {
  return evaluateModules(files, 'state.ts')['TENSORS'] as readonly EmittedTensor[];
}
