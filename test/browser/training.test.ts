import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { uniforms } from '../../compiler/numeric/random.ts';
import { compile } from '../../compiler/pipeline.ts';
import { emitProgramFolder } from '../../runtime/generate.ts';
import { loadProgram } from '../emit/tfjs/emitted.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { findChromium } from './chromium.ts';
import { bundle, runInPage } from './page.ts';
import { type TrainingJob, type TrainingReport, train } from './training-run.ts';

const chromium = findChromium();

const root = join(import.meta.dirname, '../..');
const BATCH = 4;
const SHAPE = [BATCH, 1, 28, 28];

const JOB: TrainingJob = {
  seed: 7,
  shape: SHAPE,
  batches: [0, 1, 2].map((step) => ({
    x: [...uniforms(7, 'x', step, BATCH * 28 * 28)],
    labels: Array.from({ length: BATCH }, (_, i) => (3 * step + i) % 10),
  })),
};

/** What a user would write beside the folder. */
const ENTRY = `
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as program from './program/index.ts';
import { train } from ${JSON.stringify(join(import.meta.dirname, 'training-run.ts'))};

export const run = (job) => train(tf, program, job);
`;

/** `specs/quickstart.qspec` at a small batch, emitted. */
async function emitQuickstart(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(root, 'specs/quickstart.qspec'), 'utf8');
  const source = { path: 'quickstart.qspec', text: text.replace('batch: 64', `batch: ${BATCH}`) };
  const compiled = compile(source).value;
  if (compiled?.program.batch !== BATCH) throw new Error('the batch of quickstart.qspec was not replaced');
  return emitProgramFolder(compiled, source);
}

/** The largest distance between two lists, relative to the largest number of the second; infinite where they differ in length. */
function furthest(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...b.map((x, i) => Math.abs(x - (a[i] ?? Number.NaN)))) / Math.max(...b.map(Math.abs));
}

describe.skipIf(chromium === undefined)('an emitted program in a browser', () => {
  test('takes the steps that it takes in Node', async () => {
    // Keeps tfjs from recommending tfjs-node on stderr.
    tf.env().set('PROD', true);
    const files = await emitQuickstart();
    const folder = await temporaryFolder();
    for (const [name, content] of files) {
      const path = join(folder, 'program', name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
    await writeFile(join(folder, 'main.js'), ENTRY);
    await mkdir(join(folder, 'node_modules'));
    await symlink(join(root, 'node_modules/@tensorflow'), join(folder, 'node_modules/@tensorflow'), 'dir');

    const code = await bundle(join(folder, 'main.js'), folder);
    const there = await runInPage<TrainingReport>(chromium ?? '', code, JOB);
    const here = await train(tf, loadProgram(files), JOB);
    expect(here.losses).toHaveLength(3);
    expect(here.losses.every(Number.isFinite)).toBe(true);
    // The same operations on the same numbers, but Math.exp and Math.log are the JavaScript engine's own.
    expect(furthest(there.losses, here.losses)).toBeLessThan(1e-6);
    expect(furthest(there.logits, here.logits)).toBeLessThan(1e-6);
  });
});
