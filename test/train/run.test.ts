import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkSource, compile } from '../../compiler/pipeline.ts';
import { loadDataset } from '../../runtime/data/dataset.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { train } from '../../runtime/train/run.ts';
import { SPEC } from '../../runtime/cli/commands/init.ts';
import { temporaryFolder } from '../support/temporary.ts';

test('demo', async () => {
  const source = { path: 'demo.qspec', text: SPEC };
  const { value: compiled, diagnostics } = compile(source);
  console.log(diagnostics);
  if (!compiled) throw new Error('no');
  const engine = await createOnnxEngine({ threads: 2 });
  const t0 = Date.now();
  const dataset = await loadDataset(compiled.spec.data);
  console.log('data', Date.now() - t0);
  const folder = await temporaryFolder();
  const outcome = await train(folder, compiled, dataset, engine, {
    seed: 1,
    epochs: 2,
    checkpointEvery: { seconds: 60 },
    signal: new AbortController().signal,
    observer: { onStart: console.log, onStep: () => {}, onEpoch: console.log },
  });
  console.log(JSON.stringify(outcome, undefined, 1), Date.now() - t0);
  console.log((await readFile(join(folder, 'metrics.jsonl'), 'utf8')).slice(0, 500));
});
