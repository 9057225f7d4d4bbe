import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { syntheticBatch } from '../../runtime/engines/agreement/synthetic.ts';
import type { HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { hyperValues } from '../../runtime/train/hyper.ts';
import { initialState } from '../../runtime/train/state.ts';

/** Everything that the first step of a program reads. */
export function inputsOf(program: TrainingProgram): Tensors {
  const hyper = [...hyperValues(program, { step: 0, stepsPerEpoch: 1, epochs: 1 })].map(
    ([name, value]): [string, HostTensor] => [
      name,
      { dtype: 'f32', shape: [], data: Float32Array.of(value) },
    ],
  );
  return new Map([...initialState(program, 3), ...hyper, ...syntheticBatch(program, 3, 0)]);
}

/** The largest difference of two results, as a fraction of the largest magnitude of the tensor that has it. */
export function distance(found: Tensors, expected: Tensors): number {
  let largest = 0;
  for (const [name, { data }] of expected) {
    const other = found.get(name)?.data ?? [];
    let [magnitude, difference] = [0, 0];
    data.forEach((x, i) => {
      magnitude = Math.max(magnitude, Math.abs(x));
      difference = Math.max(difference, Math.abs(x - (other[i] ?? NaN)));
    });
    if (!(difference <= Infinity)) return NaN;
    largest = Math.max(largest, difference / (magnitude || 1));
  }
  return largest;
}
