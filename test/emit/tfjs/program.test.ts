import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { Project, ts } from 'ts-morph';
import { describe, expect, test } from 'vitest';
import { emitGraphModule } from '../../../compiler/emit/tfjs/emit-program.ts';
import type { Graph } from '../../../compiler/ir/graph.ts';
import type { OpName } from '../../../compiler/ir/op-attributes.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';
import { createReferenceEngine } from '../../../runtime/engines/reference.ts';
import { createTfjsEngine } from '../../../runtime/engines/tfjs.ts';
import { loadBackend } from '../../../runtime/engines/tfjs-backend.ts';
import { hyperValues } from '../../../runtime/train/hyper.ts';
import { initialState } from '../../../runtime/train/state.ts';
import { SAMPLES, type Sample } from '../../ops/samples.ts';
import { type EmittedState, emitSmall, loadProgram, tensorTable } from './emitted.ts';
import { type SmallNames, smallBatch, smallEvaluation, smallProgram } from './small-program.ts';

const RUN = { stepsPerEpoch: 30, epochs: 2 };

const TEMPLATE = '$' + '{globalThis.injected = 1}';

/** Texts that would do something if they reached code as they are. */
const HOSTILE: readonly SmallNames[] = [
  { spec: 'class', first: 'await', second: 'tf', x: 'noise', lr: 'delete' },
  { spec: 'train', first: 'a"b', second: "a'b", x: '__proto__', lr: 'constructor' },
  {
    spec: '*/ globalThis.injected = 1; /*',
    first: `\`${TEMPLATE}\``,
    second: "'); globalThis.injected = 1; ('",
    x: '\u2028globalThis.injected = 1 //',
    lr: '\nglobalThis.injected = 1 //',
  },
  { spec: '', first: '重み', second: '\\', x: '\0', lr: '*/' },
  { spec: 'quantizeInt', first: 'a.b', second: 'aB', x: 'toString', lr: TEMPLATE },
];

function batchTensors(names: Pick<SmallNames, 'x'> = { x: 'x' }): Record<string, tf.Tensor> {
  const given = smallBatch(smallProgram());
  return Object.fromEntries(
    [...given].map(([name, { data, shape, dtype }]) => [
      name === 'x' ? names.x : name,
      tf.tensor(data, [...shape], dtype === 'i32' ? 'int32' : 'float32'),
    ]),
  );
}

function tensorsByName(
  files: ReadonlyMap<string, string>,
  state: EmittedState,
): ReadonlyMap<string, tf.Tensor> {
  return new Map(
    tensorTable(files).map(({ name, group, key }) => {
      const tensor = state.tensors[group][key];
      if (!tensor) throw new Error(`the state has no ${group}.${key}`);
      return [name, tensor];
    }),
  );
}

describe('the emitted program', () => {
  test('reads as in the golden file', async () => {
    const files = emitSmall();
    const own = [...files].filter(([name]) => !name.startsWith('support/'));
    await loadBackend();
    const { createState, trainStep } = loadProgram(files);
    let state = createState(0);
    const losses: string[] = [];
    for (let i = 0; i < 5; i++) {
      const result = await trainStep(state, batchTensors(), RUN);
      state = result.state;
      losses.push(result.loss.toFixed(4));
    }
    const sections = [...own, ['what it computes', `losses of five steps: ${losses.join(' ')}\n`]];
    const text = sections.map(([name, content]) => `=== ${name}\n${content}`).join('\n');
    await expect(text).toMatchFileSnapshot('golden/two-layers.txt');
  });

  test('is the same each time it is emitted, and keeps to 110 columns', () => {
    const files = emitSmall();
    expect([...emitSmall()]).toEqual([...files]);
    for (const name of ['step.ts', 'state.ts', 'schedule.ts', 'index.ts', 'evaluate.ts']) {
      for (const line of (files.get(name) ?? '').split('\n'))
        expect(line.length, line).toBeLessThanOrEqual(110);
    }
  });

  test('starts from the same tensors as the runtime', async () => {
    await loadBackend();
    const files = emitSmall();
    const state = loadProgram(files).createState(7);
    const tensors = tensorsByName(files, state);
    for (const [name, { data, shape }] of initialState(smallProgram(), 7)) {
      expect(tensors.get(name)?.shape).toEqual(shape);
      expect(tensors.get(name)?.dataSync()).toEqual(data);
    }
  });

  test('takes the very step that the engine takes', async () => {
    const engine = await createTfjsEngine();
    const files = emitSmall();
    const program = smallProgram();
    const emitted = loadProgram(files);
    const executable = await engine.load(program.step, { seed: 7 });
    let state = emitted.createState(7);
    let ours = initialState(program, 7);
    for (let step = 0; step < 4; step++) {
      const { state: next, loss } = await emitted.trainStep(state, batchTensors(), RUN);
      const hyper = [...hyperValues(program, { ...RUN, step })].map(
        ([name, value]) => [name, { dtype: 'f32', shape: [], data: Float32Array.of(value) }] as const,
      );
      const outputs = await executable.run(new Map([...ours, ...smallBatch(program), ...hyper]), step);
      expect(outputs.get('loss')?.data[0]).toBe(loss);
      const after = tensorsByName(files, next);
      ours = new Map(
        [...ours].map(([name, { shape }]) => {
          const data = Float32Array.from(outputs.get(name)?.data ?? []);
          expect(after.get(name)?.dataSync(), name).toEqual(data);
          return [name, { dtype: 'f32', shape, data }];
        }),
      );
      state = next;
    }
  });

  test('trains: its loss falls, and no tensor is left behind', async () => {
    await loadBackend();
    const { createState, trainStep, disposeState } = loadProgram(emitSmall());
    const batch = batchTensors();
    const before = tf.memory().numTensors;
    let state = createState(3);
    const within = tf.memory().numTensors;
    const losses: number[] = [];
    for (let i = 0; i < 60; i++) {
      const result = await trainStep(state, batch, RUN);
      state = result.state;
      losses.push(result.loss);
      expect(tf.memory().numTensors).toBe(within);
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 4);
    disposeState(state);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('predicts what the reference evaluator does', async () => {
    await loadBackend();
    const program = smallProgram();
    const { createState, predict } = loadProgram(emitSmall());
    const { logits } = predict(createState(5), batchTensors());
    const executable = await createReferenceEngine().load(smallEvaluation(), { seed: 0 });
    const inputs = new Map([...initialState(program, 5), ...smallBatch(program)]);
    const expected = (await executable.run(inputs, 0)).get('logits');
    expected?.data.forEach((value, i) => {
      expect(logits?.dataSync()[i]).toBeCloseTo(value, 5);
    });
  });
});

describe('names that try to be code', () => {
  test.each(HOSTILE)('%j', async (names) => {
    await loadBackend();
    const files = emitSmall(names, `x*/\nglobalThis.injected = 1; //\u2028\`${TEMPLATE}\`.qspec`);
    const { createState, trainStep, predict } = loadProgram(files);
    const known = tensorTable(files).map(({ name }) => name);
    expect(known.sort()).toEqual(
      smallProgram(names)
        .tensors.map(({ name }) => name)
        .sort(),
    );
    const state = createState(1);
    const key = /^export type Batch = \{\n {2}readonly (\w+)/m.exec(files.get('step.ts') ?? '')?.[1] ?? '';
    const batch = batchTensors({ x: key });
    const evaluation = predict(state, batch);
    expect(evaluation['logits']?.dataSync().every(Number.isFinite)).toBe(true);
    const { loss } = await trainStep(state, batch, RUN);
    expect(loss).toBeGreaterThan(0);
    expect(globalThis).not.toHaveProperty('injected');
  });
});

/** One graph that applies every op to every one of its samples. */
function everyOp(): Graph {
  const builder = newBuilder();
  const outputs = (Object.keys(SAMPLES) as OpName[]).flatMap((op) =>
    (SAMPLES[op].samples as readonly Sample<OpName>[]).map(({ operands, attributes, title }) => {
      const name = `${op} ${title}`;
      const values = operands.map(({ shape, dtype = 'f32' }, i) =>
        builder.input(`${name} ${i}`, 'batch', { dtype, shape }),
      );
      return { name, value: builder.op(op, values, attributes) };
    }),
  );
  return builder.build('every op', outputs);
}

test('emitted programs satisfy the compiler under the settings of this project', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const project = new Project({
    tsConfigFilePath: `${root}tsconfig.json`,
    skipAddingFilesFromTsConfig: true,
  });
  const programs = [
    emitSmall(),
    ...HOSTILE.map((names) => emitSmall(names)),
    emitGraphModule(everyOp()).files,
  ];
  programs.forEach((files, i) => {
    for (const [name, text] of files) {
      if (name.endsWith('.ts')) project.createSourceFile(`${root}generated/emitted-${i}/${name}`, text);
    }
  });
  const messages = project
    .getPreEmitDiagnostics()
    .map(
      (d) =>
        `${d.getSourceFile()?.getFilePath()}: ${ts.flattenDiagnosticMessageText(d.compilerObject.messageText, '\n')}`,
    );
  expect(messages).toEqual([]);
});
