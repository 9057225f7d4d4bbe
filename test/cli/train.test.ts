import { existsSync } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Evaluation } from '../../runtime/train/evaluate.ts';
import { type CliResult, qspec } from '../support/cli.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';
import { temporaryFolder } from '../support/temporary.ts';

async function project(
  text = SMALL_SPEC,
): Promise<{ cwd: string; run: (...argv: string[]) => Promise<CliResult> }> {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'small.qspec'), text);
  return { cwd, run: (...argv) => qspec(argv, { cwd }) };
}

/** Interrupts a run as soon as it has written a checkpoint, which is after its first step. */
async function interrupted(argv: readonly string[], cwd: string): Promise<CliResult> {
  let watch: NodeJS.Timeout | undefined;
  const onInterrupt = (interrupt: () => void): void => {
    watch = setInterval(() => {
      if (!existsSync(join(cwd, 'runs/small/checkpoint.safetensors'))) return;
      clearInterval(watch);
      interrupt();
    }, 1);
  };
  return qspec([...argv, '--checkpoint-every', '1'], { cwd, onInterrupt });
}

const TRAIN = ['train', 'small.qspec', '--threads', '1'];

describe('train', () => {
  test('leaves a complete run, which eval, export and verify read', async () => {
    const { cwd, run } = await project();
    const trained = await run(...TRAIN);
    expect(trained).toMatchObject({ exitCode: 0, stdout: 'runs/small\n' });
    expect(trained.stderr).toMatch(/epoch 2\/2; train .* %/);
    expect((await readdir(join(cwd, 'runs/small'))).sort()).toEqual([
      'calibration.safetensors',
      'checkpoint.safetensors',
      'environment.json',
      'metrics.jsonl',
      'model.onnx',
      'model.safetensors',
      'spec.qspec',
      'summary.json',
    ]);
    const environment = await readFile(join(cwd, 'runs/small/environment.json'), 'utf8');
    expect(environment).not.toContain(cwd);
    expect(JSON.parse(environment)).toMatchObject({ name: 'small', engine: 'onnx', threads: 1, epochs: 2 });

    const evaluated = await run('eval', 'runs/small', '--reporter', 'json');
    const evaluation = JSON.parse(evaluated.stdout) as Evaluation;
    const summary = JSON.parse(await readFile(join(cwd, 'runs/small/summary.json'), 'utf8')) as object;
    expect(summary).toMatchObject({ test: { float32: evaluation.float32, deployed: evaluation.deployed } });
    expect(evaluation.weights.map(({ format }) => format)).toEqual(['int4', 'int2']);
    expect(evaluation.noise).toMatchObject([{ sigma: 0.1, scores: { length: 5 } }]);

    const model = await readFile(join(cwd, 'runs/small/model.onnx'));
    expect(await run('export', 'runs/small', '--out', 'again.onnx')).toMatchObject({
      exitCode: 0,
      stdout: 'again.onnx\n',
    });
    expect((await readFile(join(cwd, 'again.onnx'))).equals(model)).toBe(true);

    const verified = await run('verify', 'runs/small');
    expect(verified).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('verified') });
    model[model.length - 1] = (model.at(-1) ?? 0) ^ 0xff;
    await writeFile(join(cwd, 'runs/small/model.onnx'), model.subarray(0, 2000));
    expect(await run('verify', 'runs/small')).toMatchObject({ exitCode: 3 });
  });

  test('another run is left alone; --force replaces it; --resume of a finished one does nothing', async () => {
    const { cwd, run } = await project();
    await run(...TRAIN, '--epochs', '1');
    const model = () => readFile(join(cwd, 'runs/small/model.safetensors'), 'hex');
    const first = await model();
    expect(await run(...TRAIN)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('QS7100') });
    expect(await run(...TRAIN, '--resume')).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('finished'),
    });
    expect(await run(...TRAIN, '--resume', '--seed', '9')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--seed 0, not 9'),
    });
    await writeFile(join(cwd, 'small.qspec'), SMALL_SPEC.replace('int8 per channel', 'int4 per channel'));
    expect(await run(...TRAIN, '--resume')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('QS7104'),
    });
    expect(await model()).toBe(first);
    expect(await run(...TRAIN, '--force', '--epochs', '1')).toMatchObject({ exitCode: 0 });
    expect(await model()).not.toBe(first);
  });

  test('an interrupted run ends with 130 and goes on to the same bits', async () => {
    const whole = await project();
    await whole.run(...TRAIN, '--seed', '3');
    const { cwd, run } = await project();
    const stopped = await interrupted([...TRAIN, '--seed', '3'], cwd);
    expect(stopped).toMatchObject({
      exitCode: 130,
      stderr: expect.stringMatching(/interrupted after step \d+/),
    });
    expect(await run('eval', 'runs/small')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('QS7106'),
    });
    expect(await run('train', 'small.qspec', '--resume')).toMatchObject({ exitCode: 0 });
    for (const name of ['model.safetensors', 'calibration.safetensors', 'model.onnx', 'summary.json']) {
      const read = (folder: string) => readFile(join(folder, 'runs/small', name), 'hex');
      expect(await read(cwd)).toBe(await read(whole.cwd));
    }
  });

  test('divergence ends with 3 and names the step', async () => {
    const { run } = await project(SMALL_SPEC.replace('adam(lr: cosine(3e-3, 0))', 'sgd(lr: 1e30)'));
    expect(await run(...TRAIN)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(
        /error\[QS7110\]: training diverged at step \d+: the first value .* is '/,
      ),
    });
  });

  test('a set that does not fill a batch leaves no folder behind', async () => {
    const { cwd, run } = await project(
      SMALL_SPEC.replace('source: glyphs', '').replace('batch: 8', 'batch: 170, train: 160'),
    );
    const { exitCode } = await run(...TRAIN);
    expect(exitCode).toBeGreaterThan(0);
    expect(await readdir(cwd)).toEqual(['small.qspec']);
  });

  test('missing data is one clear error', async () => {
    const { cwd } = await project(
      SMALL_SPEC.replace('data glyphs(samples: 192, test: 60, seed: 1) {', 'data d { source: mnist,'),
    );
    const { exitCode, stderr } = await qspec(TRAIN, { cwd, env: { QSPEC_DATA: join(cwd, 'none') } });
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/^error\[QS7003\]: MNIST is not complete/m),
    });
    expect(await readdir(cwd)).toEqual(['small.qspec']);
  });

  test('a damaged checkpoint is refused, not trained from', async () => {
    const { cwd, run } = await project();
    expect(await interrupted(TRAIN, cwd)).toMatchObject({ exitCode: 130 });
    await truncate(join(cwd, 'runs/small/checkpoint.safetensors'), 500);
    expect(await run(...TRAIN, '--resume')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('QS7052'),
    });
  });
});

describe('init from', () => {
  const text = SMALL_SPEC.replace('-> f32[10] {', '-> f32[10] init from "start.safetensors" {');

  test('starts from the parameters of a file beside the spec', async () => {
    const first = await project();
    await first.run(...TRAIN, '--epochs', '1');
    const model = await readFile(join(first.cwd, 'runs/small/model.safetensors'));
    const { cwd, run } = await project(text);
    await writeFile(join(cwd, 'start.safetensors'), model);
    expect(await run(...TRAIN, '--epochs', '0')).toMatchObject({ exitCode: 0 });
    const summary = async (folder: string) =>
      (JSON.parse(await readFile(join(folder, 'runs/small/summary.json'), 'utf8')) as { test: object }).test;
    expect(await summary(cwd)).toEqual(await summary(first.cwd));
  });

  test('refuses a file of another model, and a missing one', async () => {
    const { cwd, run } = await project(text);
    expect(await run(...TRAIN)).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('QS7001') });
    const other = await project(SMALL_SPEC.replace('conv(4', 'conv(3'));
    await other.run(...TRAIN, '--epochs', '0');
    await writeFile(
      join(cwd, 'start.safetensors'),
      await readFile(join(other.cwd, 'runs/small/model.safetensors')),
    );
    const refused = await run(...TRAIN);
    expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('QS7111') });
    expect(refused.stderr).toContain('tensor "c1.weights" has the shape 3 × 1 × 3 × 3, not 4 × 1 × 3 × 3');
    expect((await readdir(cwd)).sort()).toEqual(['small.qspec', 'start.safetensors']);
  });
});

test('formats that cannot be exported are named before training, and the run still finishes', async () => {
  const { cwd, run } = await project(SMALL_SPEC.replace('activations: int8', 'activations: e3m0'));
  const { exitCode, stderr } = await run(...TRAIN, '--epochs', '0');
  expect(exitCode).toBe(0);
  expect(stderr.indexOf('QS61')).toBeGreaterThan(-1);
  expect(stderr.indexOf('QS61')).toBeLessThan(stderr.indexOf('training small'));
  expect(await readdir(join(cwd, 'runs/small'))).not.toContain('model.onnx');
  expect(await run('export', 'runs/small')).toMatchObject({ exitCode: 1, stdout: '' });
});

test('it is said how many products are of integers, where some are', async () => {
  const PRODUCTS = /(\d) of 5 products in a step are of integers, the others of float32/;
  const short = SMALL_SPEC.replace('samples: 192, test: 60', 'samples: 24, test: 8').replace(
    'epochs: 2',
    'epochs: 1',
  );
  const { run } = await project(short);
  // The first convolution has 9 terms, too few for integers; its gradient has thousands.
  const { stderr } = await run(...TRAIN);
  // Where bytes saturate in the processor's own products, none are of integers, and that is said.
  if (!stderr.includes('products of bytes in float32')) expect(PRODUCTS.exec(stderr)?.[1]).toBe('1');
  const { run: inFloats } = await project(short.replace(/(weights|activations): int8/g, '$1: f32'));
  expect((await inFloats(...TRAIN)).stderr).not.toContain('of integers');
});

test('engines agree on a short run to rounding', async () => {
  const losses: number[] = [];
  for (const engine of ['onnx', 'tfjs', 'reference']) {
    const { cwd, run } = await project(SMALL_SPEC.replace('samples: 192, test: 60', 'samples: 64, test: 16'));
    expect(await run(...TRAIN, '--engine', engine, '--epochs', '1')).toMatchObject({ exitCode: 0 });
    const [first] = (await readFile(join(cwd, 'runs/small/metrics.jsonl'), 'utf8')).split('\n');
    losses.push((JSON.parse(first ?? '') as { loss: number }).loss);
  }
  for (const loss of losses) expect(loss).toBeCloseTo(losses[0] ?? 0, 4);
});
