import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measuredAssignment } from '../../compiler/allocate/auto/plan.ts';
import { parseCertificate } from '../../compiler/certificate/index.ts';
import { certify } from '../../compiler/certify/index.ts';
import { type Compiled, compile } from '../../compiler/pipeline.ts';
import { DERIVE_SETTINGS, type DerivationReport } from '../../runtime/auto/derive-at.ts';
import { trainingFormats } from '../../runtime/auto/training-formats.ts';
import { loadDataset } from '../../runtime/data/dataset.ts';
import type { Engine } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { train } from '../../runtime/train/run.ts';
import type { RunRecord } from '../../runtime/train/run-record.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { SMALL_AUTO_SPEC } from './small-auto-spec.ts';

const SOURCE = { path: 'small_auto.qspec', text: SMALL_AUTO_SPEC };
const SETTINGS = { ...DERIVE_SETTINGS, batches: 2, passes: 4, steps: 50, seed: 4 };
/** 160 training samples in batches of 16, for two epochs. */
const STEPS = 20;

function compiled(): Compiled {
  const { value, diagnostics } = compile(SOURCE, { assign: measuredAssignment });
  if (value === undefined) throw new Error(diagnostics.map(({ message }) => message).join());
  return value;
}

let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterAll(async () => engine.dispose());

/** Trains into the folder, stopping after a step if one is given. */
async function run(folder: string, stopAfter?: number): Promise<string> {
  const spec = compiled();
  const dataset = await loadDataset(spec.spec.data);
  const record: RunRecord = {
    name: 'small_auto',
    hash: spec.hash,
    seed: 4,
    epochs: 2,
    engine: 'onnx',
    threads: 1,
    refresh: 1,
    engineDescription: engine.description,
    qspec: '0',
    node: '',
    platform: '',
  };
  const controller = new AbortController();
  const outcome = await train(folder, spec, dataset, engine, record, {
    specFolder: folder,
    replace: false,
    checkpointEvery: { steps: 3 },
    signal: controller.signal,
    observer: {
      onStart: () => {},
      onStep: ({ step }) => step === stopAfter && controller.abort(),
      onEpoch: () => {},
    },
    formats: (place) =>
      trainingFormats({
        ...place,
        compiled: spec,
        dataset,
        engine,
        seed: 4,
        epochs: 2,
        refresh: 1,
        settings: SETTINGS,
        log: () => {},
        fail: (diagnostic) => {
          throw new Error(diagnostic.message);
        },
      }),
  });
  return outcome.kind;
}

async function files(folder: string): Promise<ReadonlyMap<string, string>> {
  const kept = (await readdir(folder)).filter((name) => /^(certificate|model|summary)/.test(name)).sort();
  return new Map(
    await Promise.all(
      kept.map(async (name) => [name, (await readFile(join(folder, name))).toString('hex')] as const),
    ),
  );
}

test('formats are derived and certified at every refresh, hold there, and an interrupted run ends with the same bits', {
  timeout: 300_000,
}, async () => {
  const whole = await temporaryFolder();
  expect(await run(whole)).toBe('finished');
  const expected = await files(whole);
  expect([...expected.keys()]).toEqual([
    'certificate-000000.json',
    'certificate-000010.json',
    'model.onnx',
    'model.safetensors',
    'summary.json',
  ]);
  for (const step of ['000000', '000010']) {
    const text = await readFile(join(whole, `certificate-${step}.json`), 'utf8');
    const { value: certificate, diagnostics } = parseCertificate({ path: 'certificate.json', text });
    expect(diagnostics).toEqual([]);
    if (certificate === undefined) continue;
    expect(certify(SOURCE, certificate).discrepancies).toEqual([]);
    const report = JSON.parse(
      await readFile(join(whole, `derivation-${step}.json`), 'utf8'),
    ) as DerivationReport;
    expect(report.loose).toEqual([]);
    expect(report.lowerBound).toBeLessThanOrEqual(report.cost);
    expect(report.cost).toBeLessThan(report.costInF32 / 2);
    for (const { predicted, tolerance, within, steps } of report.requirements) {
      expect(predicted).toBeLessThanOrEqual(tolerance);
      expect(within).toBe(steps);
    }
    expect(report.before?.length).toBe(step === '000000' ? undefined : 2);
  }

  for (const stopAfter of [4, 10, 13, STEPS]) {
    const folder = await temporaryFolder();
    expect(await run(folder, stopAfter)).toBe(stopAfter === STEPS ? 'finished' : 'interrupted');
    expect(await run(folder)).toBe('finished');
    expect(await files(folder)).toEqual(expected);
  }
});
