import { expect, test } from 'vitest';
import { predict } from '../../../compiler/analysis/probability/index.ts';
import { loadDataset } from '../../../runtime/data/dataset.ts';
import { createReferenceEngine } from '../../../runtime/engines/reference.ts';
import { probeBatches, probePoint } from '../../../runtime/probe/batches.ts';
import { evaluatorOn } from '../../../runtime/probe/evaluator.ts';
import { initialState } from '../../../runtime/train/state.ts';
import { compileText, specText } from '../../support/compile.ts';

test('a step in which nothing rounds has no error', async () => {
  const { spec, program } = compileText(
    specText({ model: 'x |> maxpool(7) |> flatten |> dense(10) as f', precision: 'weights: int8', batch: 4 }),
  );
  const { evaluate } = evaluatorOn(createReferenceEngine());
  const progress = { step: 0, stepsPerEpoch: 10, epochs: 1 };
  const point = probePoint(program, initialState(program, 1), progress);
  const batches = probeBatches(spec, program, await loadDataset(spec.data), 1, 1);
  // At the quantized point the only site, of F, costs nothing.
  const [prediction] = await predict(program, point, batches, evaluate, {
    reference: 'quantized_point',
    passes: 2,
  });
  for (const { rms, quantile } of prediction?.quantities.values() ?? [])
    expect([rms, quantile]).toEqual([0, 0]);
});
