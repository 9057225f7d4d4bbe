import { readFile, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { readCheckpoint } from '../../runtime/train/checkpoint.ts';
import { hyperValues } from '../../runtime/train/hyper.ts';
import { type LoopOptions, trainLoop } from '../../runtime/train/loop.ts';
import { type RunPaths, runPaths } from '../../runtime/train/run-directory.ts';
import { NO_SAMPLES } from '../../runtime/train/score.ts';
import { initialState } from '../../runtime/train/state.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tinyBatch, tinyProgram } from '../support/tiny-program.ts';

const RUN = { hash: 'abc', seed: 5 };
const STEPS = 12;

function options(paths: RunPaths, program: TrainingProgram, changed: Partial<LoopOptions> = {}): LoopOptions {
  return {
    program,
    engine: createReferenceEngine(),
    ...RUN,
    epochs: 3,
    stepsPerEpoch: STEPS / 3,
    batchAt: (step) => tinyBatch(step),
    start: { step: 0, metricsBytes: 0, sums: NO_SAMPLES, state: initialState(program, RUN.seed) },
    validate: undefined,
    paths,
    checkpointEvery: { steps: 5 },
    signal: new AbortController().signal,
    onStep: () => {},
    onEpoch: () => {},
    ...changed,
  };
}

async function metricsOf(paths: RunPaths): Promise<readonly unknown[]> {
  const lines = (await readFile(paths.metrics, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => ({ ...(JSON.parse(line) as object), time: undefined }));
}

async function undisturbed(): Promise<{ checkpoint: Buffer; metrics: readonly unknown[] }> {
  const paths = runPaths(await temporaryFolder());
  await trainLoop(options(paths, tinyProgram()));
  return { checkpoint: await readFile(paths.checkpoint), metrics: await metricsOf(paths) };
}

/** All but the length of the log, which wall-clock fields change, and the checksum that covers it. */
function comparable(checkpoint: Buffer): string {
  return checkpoint
    .toString('latin1')
    .replace(/"metricsBytes":"\d+"/, '')
    .replace(/"qspec\.sha256":"\w+"/, '')
    .replace(/^.{8}/s, '')
    .replace(/ +/, ' ');
}

test('a run logs each step and epoch and lowers the loss', async () => {
  const { metrics } = await undisturbed();
  const kinds = metrics.map((record) => (record as { kind: string }).kind);
  expect(kinds.filter((kind) => kind === 'step')).toHaveLength(STEPS);
  expect(kinds.filter((kind) => kind === 'epoch')).toHaveLength(3);
  expect(metrics[0]).toMatchObject({ kind: 'step', step: 1, epoch: 1, hyper: { lr: 0.1 }, nonFinite: 0 });
  expect(metrics.at(-1)).toMatchObject({ kind: 'epoch', epoch: 3, step: STEPS, train: { samples: 16 } });
});

test('a run interrupted after any step goes on to the same bits', async () => {
  const expected = await undisturbed();
  for (let stopAt = 1; stopAt < STEPS; stopAt++) {
    const paths = runPaths(await temporaryFolder());
    const program = tinyProgram();
    const controller = new AbortController();
    const stop = ({ step }: { step: number }) => step === stopAt && controller.abort();
    const first = await trainLoop(options(paths, program, { signal: controller.signal, onStep: stop }));
    expect(first).toMatchObject({ step: stopAt, interrupted: true });
    const start = await readCheckpoint(paths.checkpoint, program, RUN);
    await trainLoop(options(paths, program, { start }));
    expect(await metricsOf(paths)).toEqual(expected.metrics);
    expect(comparable(await readFile(paths.checkpoint))).toBe(comparable(expected.checkpoint));
  }
});

test('what was logged after the last checkpoint is cut off and logged again', async () => {
  const expected = await undisturbed();
  const paths = runPaths(await temporaryFolder());
  const program = tinyProgram();
  // The run dies between step 7 and its next checkpoint: only the log knows of the last steps.
  const die = ({ step }: { step: number }) => {
    if (step === 7) throw new Error('killed');
  };
  await expect(trainLoop(options(paths, program, { onStep: die }))).rejects.toThrow('killed');
  const start = await readCheckpoint(paths.checkpoint, program, RUN);
  expect(start.step).toBe(5);
  await trainLoop(options(paths, program, { start }));
  expect(await metricsOf(paths)).toEqual(expected.metrics);
});

test('divergence names the step and the first value that is not finite', async () => {
  const paths = runPaths(await temporaryFolder());
  const program = tinyProgram(1e30);
  await expect(trainLoop(options(paths, program))).rejects.toMatchObject({
    code: 'QS7110',
    exitCode: 3,
    message: expect.stringMatching(/^training diverged at step \d+: the first value that is not finite is '/),
  });
  const last = (await metricsOf(paths)).at(-1) as { nonFinite: number };
  expect(last.nonFinite).toBeGreaterThan(0);
});

describe('a state that is large', () => {
  const FEATURES = 1 << 14;
  const batchAt = (step: number) => tinyBatch(step, FEATURES);

  test('takes the same steps though it is watched', async () => {
    const program = tinyProgram(1e-5, FEATURES);
    const engine = await createOnnxEngine({ threads: 2 });
    const paths = runPaths(await temporaryFolder());
    const { state } = await trainLoop(options(paths, program, { engine, batchAt }));
    const executable = await engine.load(program.step, { seed: RUN.seed });
    let expected = initialState(program, RUN.seed);
    for (let step = 0; step < STEPS; step++) {
      const hyper = hyperValues(program, { step, stepsPerEpoch: STEPS / 3, epochs: 3 });
      const lr = { dtype: 'f32', shape: [], data: Float32Array.of(hyper.get('lr') ?? Number.NaN) } as const;
      const outputs = await executable.run(new Map([...expected, ['lr', lr], ...batchAt(step)]), step);
      expected = new Map([...expected.keys()].map((name) => [name, outputs.get(name)])) as typeof expected;
    }
    await executable.dispose();
    expect(state).toEqual(expected);
    const records = (await metricsOf(paths)) as { kind: string; nonFinite?: number }[];
    expect(records.filter(({ kind, nonFinite }) => kind === 'step' && nonFinite !== 0)).toEqual([]);
  });

  test('is named where it diverges', async () => {
    const paths = runPaths(await temporaryFolder());
    const program = tinyProgram(1e38, FEATURES);
    const engine = await createOnnxEngine({ threads: 2 });
    await expect(trainLoop(options(paths, program, { engine, batchAt }))).rejects.toMatchObject({
      code: 'QS7110',
      message: expect.stringContaining("the first value that is not finite is 'w'"),
    });
    const last = (await metricsOf(paths)).at(-1) as { nonFinite: number };
    expect(last.nonFinite).toBeGreaterThan(FEATURES / 2);
  });
});

test('a log shorter than the checkpoint says is refused', async () => {
  const paths = runPaths(await temporaryFolder());
  const program = tinyProgram();
  await trainLoop(options(paths, program, { epochs: 1 }));
  const start = await readCheckpoint(paths.checkpoint, program, RUN);
  await truncate(paths.metrics, 10);
  await expect(trainLoop(options(paths, program, { start }))).rejects.toMatchObject({ code: 'QS7105' });
});

test('a damaged checkpoint, or one of another run, is refused', async () => {
  const paths = runPaths(await temporaryFolder());
  const program = tinyProgram();
  await trainLoop(options(paths, program, { epochs: 1 }));
  await expect(readCheckpoint(paths.checkpoint, program, { ...RUN, seed: 6 })).rejects.toMatchObject({
    code: 'QS7105',
  });
  const bytes = await readFile(paths.checkpoint);
  await writeFile(paths.checkpoint, bytes.subarray(0, bytes.length - 3));
  await expect(readCheckpoint(paths.checkpoint, program, RUN)).rejects.toMatchObject({ code: 'QS7052' });
});
