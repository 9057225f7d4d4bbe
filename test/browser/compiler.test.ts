import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from './chromium.ts';
import { type CompileJob, type CompileReport, run } from './compile-run.ts';
import { bundle, runInPage } from './page.ts';

const chromium = findChromium();

const root = join(import.meta.dirname, '../..');
const sound = readFileSync(join(root, 'specs/quickstart.qspec'), 'utf8');

const JOB: CompileJob = {
  wrong: {
    path: 'wrong.qspec',
    text: sound
      .replace('relu |> maxpool(2)', 'rellu |> maxpool(2)')
      .replace('dense(10)', 'dense(11)')
      .replace('U ∘ B ∘ F', 'B ∘ U ∘ F'),
  },
  sound: { path: 'quickstart.qspec', text: sound },
};

describe.skipIf(chromium === undefined)('the compiler in a browser', () => {
  let code: string;
  beforeAll(async () => {
    code = await bundle(join(import.meta.dirname, 'compile-run.ts'), root);
  }, 60_000);

  test('reports and emits what it does in Node', async () => {
    const there = await runInPage<CompileReport>(chromium ?? '', code, JOB);
    expect(there.diagnostics.map((d) => d.code)).toEqual(['QS2001', 'QS3010']);
    expect(there).toEqual(run(JOB));
  });

  test('is less than 2 MB to download', () => {
    expect(gzipSync(code).length).toBeLessThan(2e6);
  });
});
