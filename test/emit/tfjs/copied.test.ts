import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ts } from 'ts-morph';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/temporary.ts';
import { emitSmall } from './emitted.ts';

/** What a user would write beside the folder. */
const MAIN = `
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { createState, predict, trainStep } from './two-layers/index.js';

tf.env().set('PROD', true);
const x = tf.tensor([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 2, 0], [0, 2, 0, 0], [2, 0, 0, 0], [0, 0, 3, 1], [3, 1, 0, 1]]);
const labels = tf.tensor([2, 1, 0, 2, 1, 0, 2, 0], [8], 'int32');
let state = createState(0);
const losses = [];
for (let i = 0; i < 20; i++) {
  const result = await trainStep(state, { x, labels }, { stepsPerEpoch: 10, epochs: 2 });
  state = result.state;
  losses.push(result.loss);
}
const { logits } = predict(state, { x });
console.log(JSON.stringify({ losses, classes: [...tf.argMax(logits, 1).dataSync()], step: state.step }));
`;

test('a copy of the folder trains in a project that has nothing but tfjs', async () => {
  const folder = await temporaryFolder();
  const installed = fileURLToPath(new URL('../../../node_modules/@tensorflow', import.meta.url));
  await mkdir(join(folder, 'node_modules'));
  await symlink(installed, join(folder, 'node_modules/@tensorflow'), 'dir');
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'main.js'), MAIN);
  for (const [name, text] of emitSmall()) {
    const path = join(folder, 'two-layers', name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(path), { recursive: true });
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        rewriteRelativeImportExtensions: true,
        erasableSyntaxOnly: true,
      },
    });
    await writeFile(path, name.endsWith('.ts') ? outputText : text);
  }
  const { stdout } = await promisify(execFile)(process.execPath, ['main.js'], { cwd: folder });
  const { losses, classes, step } = JSON.parse(stdout);
  expect(step).toBe(20);
  expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
  expect(classes).toEqual([2, 1, 0, 2, 1, 0, 2, 0]);
});
