import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import type { TrainingProgram } from '../../../compiler/lower/program.ts';
import type { Engine, HostTensor, Tensors } from '../../../runtime/engines/engine.ts';
import { createReferenceEngine } from '../../../runtime/engines/reference.ts';
import { createTfjsEngine } from '../../../runtime/engines/tfjs.ts';
import { initialState } from '../../../runtime/train/state.ts';
import { smallBatch, smallProgram } from './small-program.ts';

function stepInputs(program: TrainingProgram, state: Tensors): Tensors {
  const batch = smallBatch(program);
  const lr: HostTensor = { dtype: 'f32', shape: [], data: Float32Array.of(0.1) };
  return new Map([...state, ...batch, ['lr', lr]]);
}

async function stepOnce(engine: Engine, step: number): Promise<Tensors> {
  const program = smallProgram();
  const executable = await engine.load(program.stepWithGradients, { seed: 11 });
  return executable.run(stepInputs(program, initialState(program, 2)), step);
}

test('one step of the engine equals the reference evaluator in every output, at several steps', async () => {
  const tfjs = await createTfjsEngine();
  for (const step of [0, 1, 2000]) {
    const [ours, reference] = await Promise.all([
      stepOnce(tfjs, step),
      stepOnce(createReferenceEngine(), step),
    ]);
    expect([...ours.keys()].sort()).toEqual([...reference.keys()].sort());
    for (const [name, { data }] of reference) {
      data.forEach((value, i) => {
        expect(ours.get(name)?.data[i], name).toBeCloseTo(value, 5);
      });
    }
  }
});

test('runs leave no tensor behind, not even one that fails', async () => {
  const program = smallProgram();
  const executable = await (await createTfjsEngine()).load(program.step, { seed: 0 });
  const inputs = stepInputs(program, initialState(program, 2));
  await executable.run(inputs, 0);
  const before = tf.memory().numTensors;
  for (let step = 1; step < 6; step++) await executable.run(inputs, step);
  const incomplete = new Map([...inputs].filter(([name]) => name !== 'labels'));
  await expect(executable.run(incomplete, 6)).rejects.toThrow("no value for the input 'labels'");
  expect(tf.memory().numTensors).toBe(before);
});

test('an input of another shape or type than stated is refused', async () => {
  const program = smallProgram();
  const executable = await (await createTfjsEngine()).load(program.step, { seed: 0 });
  const inputs = stepInputs(program, initialState(program, 2));
  const labels: HostTensor = { dtype: 'f32', shape: [8], data: new Float32Array(8) };
  const refused = executable.run(new Map([...inputs, ['labels', labels]]), 0);
  await expect(refused).rejects.toThrow("the input 'labels' is f32[8] where the graph states i32[8]");
});

test('outputs share no memory with inputs', async () => {
  const program = smallProgram();
  const executable = await (await createTfjsEngine()).load(program.step, { seed: 0 });
  const inputs = stepInputs(program, initialState(program, 2));
  const outputs = await executable.run(inputs, 0);
  const buffers = new Set([...inputs.values()].map(({ data }) => data.buffer));
  for (const { data } of outputs.values()) expect(buffers.has(data.buffer)).toBe(false);
});
