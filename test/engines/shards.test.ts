import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import type { Engine, HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { watch } from '../../runtime/train/finite.ts';
import { hyperValues } from '../../runtime/train/hyper.ts';
import { initialState } from '../../runtime/train/state.ts';
import { ensureBuilt } from '../support/built-cli.ts';
import { compileText } from '../support/compile.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';

/** The engine as it is built: its threads run a file of their own. */
let built: typeof import('../../runtime/engines/onnx.ts');
const engines: Engine[] = [];

beforeAll(async () => {
  ensureBuilt();
  built = (await import(join(import.meta.dirname, '../../dist/runtime/engines/onnx.js'))) as typeof built;
}, 120_000);

afterAll(async () => {
  for (const engine of engines) await engine.dispose();
});

function programOf(step: string): TrainingProgram {
  return compileText(SMALL_SPEC.replace('batch: 8', 'batch: 2').replace('T = U ∘ B ∘ F', `T = ${step}`))
    .program;
}

/** State after some steps from the same start, batches and noise. */
async function after(engine: Engine, program: TrainingProgram, steps: number): Promise<Tensors> {
  engines.push(engine);
  const { step: watched, countNonFinite } = watch(program.step, 100);
  expect(watched.outputs.length).toBe(program.step.outputs.length + 1);
  const executable = await engine.load(watched, { seed: 5 });
  let state: Tensors = initialState(program, 3);
  for (let step = 0; step < steps; step++) {
    const inputs = new Map<string, HostTensor>(state);
    for (const [name, value] of hyperValues(program, { step, stepsPerEpoch: steps, epochs: 1 })) {
      inputs.set(name, { dtype: 'f32', shape: [], data: Float32Array.of(value) });
    }
    const { batch, sampleShape } = program;
    const x = Float32Array.from(uniforms(3, 'x', step, batch * 784));
    inputs.set('x', { dtype: 'f32', shape: [batch, ...sampleShape], data: x });
    const labels = Int32Array.from({ length: batch }, (_, i) => (i + step) % 10);
    inputs.set('labels', { dtype: 'i32', shape: [batch], data: labels });
    const outputs = await executable.run(inputs, step);
    expect([...outputs.keys()]).toEqual(watched.outputs.map(({ name }) => name));
    expect(countNonFinite(outputs)).toBe(0);
    state = new Map(program.tensors.map(({ name }) => [name, outputs.get(name) as HostTensor]));
  }
  await executable.dispose();
  return state;
}

test.each([
  ['allreduce of four', 'U ∘ allreduce(4, B ∘ F)'],
  ['accumulate of three, clipped', 'U ∘ clip(norm: 0.1) ∘ accumulate(3, B ∘ F)'],
])(
  '%s: the same bits with one thread, two, and one for each shard',
  { timeout: 120_000 },
  async (_, step) => {
    const program = programOf(step);
    const one = await after(await built.createOnnxEngine({ threads: 1 }), program, 6);
    expect(await after(await built.createOnnxEngine({ threads: 2 }), program, 6)).toEqual(one);
    const shards = step.includes('4') ? 4 : 3;
    expect(await after(await built.createOnnxEngine({ threads: shards }), program, 6)).toEqual(one);
  },
);

test('what a thread reports ends the step', { timeout: 60_000 }, async () => {
  const program = programOf('U ∘ allreduce(2, B ∘ F)');
  const engine = await built.createOnnxEngine({ threads: 2 });
  engines.push(engine);
  const executable = await engine.load(program.step, { seed: 5 });
  await expect(executable.run(initialState(program, 3), 0)).rejects.toThrow(/no value for the input/);
  await executable.dispose();
});

test('a thread that is not disposed of does not keep the process', { timeout: 60_000 }, async () => {
  const engines = join(import.meta.dirname, '../../dist/runtime/engines/onnx.js');
  const compiler = join(import.meta.dirname, '../../dist/compiler/pipeline.js');
  const text = SMALL_SPEC.replace('B ∘ F', 'allreduce(2, B ∘ F)');
  const script = `const { createOnnxEngine } = await import(${JSON.stringify(pathToFileURL(engines).href)});
    const { compile } = await import(${JSON.stringify(pathToFileURL(compiler).href)});
    const engine = await createOnnxEngine({ threads: 2 });
    await engine.load(compile({ path: 's', text: ${JSON.stringify(text)} }).value.program.step, { seed: 1 });
    console.log('loaded');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const [code] = await once(child, 'close');
  expect({ printed, code }).toEqual({ printed: 'loaded\n', code: 0 });
});

test('a step in shards needs no threads of its own where there is one', async () => {
  const program = programOf('U ∘ allreduce(2, B ∘ F)');
  const state = await after(await createOnnxEngine({ threads: 1 }), program, 2);
  expect(state.size).toBe(program.tensors.length);
});
