import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import { initialValues } from '../../compiler/lower/initialize.ts';
import type { StateTensor, TrainingProgram } from '../../compiler/lower/program.ts';
import type { HostTensor } from '../engines/engine.ts';

export type FloatTensor = Extract<HostTensor, { readonly dtype: 'f32' }>;

/** f32 tensors by name: parameters, optimizer state and buffers, or part of them. */
export type State = ReadonlyMap<string, FloatTensor>;

/** The state before the first step; every element is a function of (seed, tensor name, index). */
export function initialState(program: Pick<TrainingProgram, 'tensors'>, seed: number): State {
  return new Map(
    program.tensors.map((tensor) => [
      tensor.name,
      { dtype: 'f32', shape: tensor.shape, data: initialValues(tensor, seed) },
    ]),
  );
}

/** The tensors of the given roles. */
export function ofRoles(
  program: Pick<TrainingProgram, 'tensors'>,
  state: State,
  ...roles: readonly StateTensor['role'][]
): State {
  return new Map(
    program.tensors.flatMap(({ name, role }) => {
      const tensor = state.get(name);
      return tensor && roles.includes(role) ? [[name, tensor] as const] : [];
    }),
  );
}

/** Compiler data as engine inputs. */
export function withDtype(tensors: FloatTensors): State {
  return new Map(
    [...tensors].map(([name, tensor]): [string, FloatTensor] => [name, { dtype: 'f32', ...tensor }]),
  );
}
