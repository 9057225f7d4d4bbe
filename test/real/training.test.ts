import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSafetensors } from '../../runtime/storage/safetensors.ts';
import type { RunSummary } from '../../runtime/train/run.ts';
import type { VerificationReport } from '../../runtime/verify/report.ts';
import { countOf } from '../../runtime/verify/report.ts';
import { qspec } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary.ts';

const root = process.env['QSPEC_DATA'];
if (!root) console.log('QSPEC_DATA is not set: training on public data sets is skipped');

/** Trains a spec of `specs/` on its first `samples` images for one epoch and verifies the export on `compared` test samples. */
async function trainAndVerify(name: string, samples: number, compared: number) {
  const cwd = await temporaryFolder();
  const text = await readFile(join(import.meta.dirname, `../../specs/${name}.qspec`), 'utf8');
  await writeFile(
    join(cwd, 'spec.qspec'),
    text.replace('validation: 5000', `validation: 5000\n  train: ${samples}`),
  );
  const run = async (...argv: string[]) => {
    const result = await qspec(argv, { cwd, env: { QSPEC_DATA: root ?? '' } });
    expect([argv[0], result.exitCode, result.exitCode === 0 ? '' : result.stderr]).toEqual([argv[0], 0, '']);
  };
  await run('train', 'spec.qspec', '--out', 'run', '--epochs', '1');
  await run('verify', 'run', '--samples', String(compared));
  const json = async <T>(file: string) => JSON.parse(await readFile(join(cwd, 'run', file), 'utf8')) as T;
  return {
    summary: await json<RunSummary>('summary.json'),
    report: await json<VerificationReport>('verify.json'),
    model: await readSafetensors(join(cwd, 'run/model.safetensors')),
  };
}

describe.skipIf(!root)('training on real data', () => {
  test('int8 on MNIST learns, exports and verifies', async () => {
    const { summary, report } = await trainAndVerify('cnn2-mnist', 16_000, 2_000);
    expect(summary.test.deployed.accuracy).toBeGreaterThan(0.95);
    expect(report.failures).toEqual([]);
    const basic = report.comparisons.find(({ name }) => name === 'onnxruntime basic');
    expect(basic?.codes).toBe(2_000 * (784 + 3136 + 1568 + 128));
  });

  test('power-of-two scales leave no difference over the whole test set', async () => {
    const { summary, report } = await trainAndVerify('cnn2-mnist-pow2', 16_000, 10_000);
    expect(summary.test.deployed.accuracy).toBeGreaterThan(0.95);
    expect(report).toMatchObject({ exact: true, failures: [], samples: 10_000 });
    for (const { differing, logitDifferences } of report.comparisons)
      expect(countOf(differing) + logitDifferences).toBe(0);
  });

  test('4-bit weights and activations on MNIST learn, export and verify', async () => {
    const { summary, report } = await trainAndVerify('cnn2-mnist-w4a4', 16_000, 2_000);
    expect(summary.test.deployed.accuracy).toBeGreaterThan(0.93);
    expect(report.failures).toEqual([]);
  });

  test('ResNet-8 on CIFAR-10 moves its running statistics, exports with folded batch norms and verifies', async () => {
    const { report, model } = await trainAndVerify('resnet8-cifar10', 2_560, 250);
    expect(report.failures).toEqual([]);
    const variances = [...model.tensors].filter(([name]) => name.endsWith('.variance'));
    expect(variances.length).toBe(19);
    for (const [name, { data }] of variances)
      expect(
        data.some((x) => Math.abs(x - 1) > 0.05),
        name,
      ).toBe(true);
  });
});
