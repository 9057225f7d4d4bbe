import { sizeOf } from '../compiler/ir/graph.ts';
import type { TrainingProgram } from '../compiler/lower/program.ts';
import { uniforms } from '../compiler/numeric/random.ts';
import type { HostTensor, Tensors } from '../runtime/engines/engine.ts';
import { hyperValues } from '../runtime/train/hyper.ts';
import { initialState } from '../runtime/train/state.ts';

/** Seed of parameters, batch and noise, the same for every engine. */
export const SEED = 0;

/** The initial state with a batch of random samples. */
export function inputsOf(program: TrainingProgram): Tensors {
  const inputs = new Map<string, HostTensor>(initialState(program, SEED));
  for (const [name, value] of hyperValues(program, { step: 0, stepsPerEpoch: 1, epochs: 1 })) {
    inputs.set(name, { dtype: 'f32', shape: [], data: Float32Array.of(value) });
  }
  return new Map([...inputs, ...randomBatch(program)]);
}

/** Uniform samples with uniform labels. */
export function randomBatch({ step, target }: TrainingProgram): Tensors {
  const tensors = new Map<string, HostTensor>();
  for (const node of step.nodes) {
    if (node.kind !== 'input' || node.role !== 'batch') continue;
    const { dtype, shape } = node.type;
    const drawn = uniforms(SEED, node.input, 0, sizeOf(shape));
    tensors.set(
      node.input,
      dtype === 'i32'
        ? { dtype, shape, data: Int32Array.from(drawn, (u) => Math.floor(u * target.count)) }
        : { dtype, shape, data: drawn },
    );
  }
  return tensors;
}
