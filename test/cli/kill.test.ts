import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { uniforms } from '../../compiler/numeric/random.ts';
import { ensureBuilt, spawnQspec } from '../support/built-cli.ts';
import { SEED } from '../support/property.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';
import { temporaryFolder } from '../support/temporary.ts';

const SPEC = SMALL_SPEC.replace('samples: 192', 'samples: 400').replace('epochs: 2', 'epochs: 12');

const TRAIN = ['train', 'small.qspec', '--out', 'run', '--checkpoint-every', '7', '--threads'];

async function results(cwd: string): Promise<Record<string, string>> {
  const read = (name: string) => readFile(join(cwd, 'run', name));
  const metrics = (await read('metrics.jsonl')).toString('utf8').trimEnd().split('\n');
  return {
    metrics: metrics
      .map((line) => JSON.stringify({ ...(JSON.parse(line) as object), time: undefined }))
      .join('\n'),
    model: (await read('model.safetensors')).toString('hex'),
    onnx: (await read('model.onnx')).toString('hex'),
    summary: (await read('summary.json')).toString('utf8'),
  };
}

beforeAll(ensureBuilt, 120_000);

test.each([
  { what: 'in one thread', spec: SPEC, threads: '1', kills: 10 },
  {
    what: 'in shards, each in a thread',
    spec: SPEC.replace('batch: 8', 'batch: 4').replace('B ∘ F', 'allreduce(2, B ∘ F)'),
    threads: '2',
    kills: 5,
  },
])(
  'a run $what killed at $kills random moments ends with the bits of an undisturbed one',
  {
    timeout: 120_000,
  },
  async ({ spec, threads, kills }) => {
    const train = [...TRAIN, threads];
    const whole = await temporaryFolder();
    await writeFile(join(whole, 'small.qspec'), spec);
    const undisturbed = spawnQspec(train, whole);
    await undisturbed.training;
    const started = performance.now();
    expect(await undisturbed.exit).toMatchObject({ code: 0 });
    const duration = performance.now() - started;

    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'small.qspec'), spec);
    let killed = 0;
    for (const moment of uniforms(SEED, 'kill', 0, kills)) {
      const { child, training, exit } = spawnQspec([...train, '--resume'], cwd);
      await training;
      // The kills together take about as long as the run itself, so that they hit it from its start to its end.
      await Promise.race([sleep((2 * moment * duration) / kills), exit]);
      child.kill('SIGKILL');
      if ((await exit).signal === 'SIGKILL') killed++;
    }
    expect(killed).toBeGreaterThan(0);
    expect(await spawnQspec([...train, '--resume'], cwd).exit).toMatchObject({ code: 0 });
    expect(await results(cwd)).toEqual(await results(whole));
  },
);

test('SIGINT ends a run after the current step with a checkpoint and exit code 130', {
  timeout: 60_000,
}, async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'small.qspec'), SPEC.replace('epochs: 12', 'epochs: 10000'));
  const { child, exit } = spawnQspec([...TRAIN, '1'], cwd);
  await waitForFile(join(cwd, 'run', 'checkpoint.safetensors'));
  child.kill('SIGINT');
  const { code, stderr } = await exit;
  expect(code).toBe(130);
  const step = Number(/interrupted after step (\d+)/.exec(stderr)?.[1]);
  const steps = (await readFile(join(cwd, 'run', 'metrics.jsonl'), 'utf8'))
    .split('\n')
    .filter((l) => l.includes('"step",'));
  expect(steps).toHaveLength(step);
});

test('a reader that goes away ends nothing but the output', { timeout: 60_000 }, async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'small.qspec'), SPEC);
  const { child, exit } = spawnQspec(['explain', 'small.qspec'], cwd);
  child.stdout?.destroy();
  expect(await exit).toMatchObject({ code: 0 });
});

async function waitForFile(path: string): Promise<void> {
  while (true) {
    const found = await readFile(path).catch(() => undefined);
    if (found) return;
    await sleep(20);
  }
}
