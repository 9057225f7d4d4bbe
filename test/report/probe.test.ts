import { expect, test } from 'vitest';
import { compare, fromNumber, multiply } from '../../compiler/numeric/bound.ts';
import { analyseStep } from '../../runtime/analysis/analyse.ts';
import { probeStep } from '../../runtime/analysis/probe.ts';
import { loadDataset } from '../../runtime/data/dataset.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { probeBatches, probePoint } from '../../runtime/probe/batches.ts';
import { evaluatorOn } from '../../runtime/probe/evaluator.ts';
import { initialState } from '../../runtime/train/state.ts';
import { compileText } from '../support/compile.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';

const PLAIN = SMALL_SPEC.replace(' |> batchnorm as n1', '');

test.each([
  ['int8', PLAIN],
  ['int4', PLAIN.replaceAll('int8', 'int4')],
  ['batch norm', SMALL_SPEC],
])('no observed error is above its bound: %s', async (_, text) => {
  const compiled = compileText(text);
  const analysis = analyseStep(compiled);
  const dataset = await loadDataset(compiled.spec.data);
  const point = probePoint(compiled.program, initialState(compiled.program, 0), {
    step: 0,
    stepsPerEpoch: 22,
    epochs: 2,
  });
  const batches = probeBatches(compiled.spec, compiled.program, dataset, 2, 0);
  const { evaluate } = evaluatorOn(createReferenceEngine());
  const probe = await probeStep(analysis, point, batches, evaluate);
  expect(probe.batches).toHaveLength(2);
  expect(probe.tensors.map(({ tensor }) => tensor.name)).toEqual(
    expect.arrayContaining(['c1.in', 'c1.weights', 'c1', 'f1.grad', 'c1.weights.grad', 'f1.weights.stored']),
  );
  // The real step is computed too: in float64, rounded to float32 where it is handed over.
  const allowed = fromNumber(1 + 1e-6);
  const exceeded = probe.tensors.filter(
    ({ tensor, observed }) =>
      compare(fromNumber(observed.inf), multiply(allowed, tensor.error.inf)) > 0 ||
      compare(fromNumber(observed.two), multiply(allowed, tensor.error.two)) > 0,
  );
  expect(exceeded.map(({ tensor }) => tensor.name)).toEqual([]);
  expect(probe.quantities.map(({ name }) => name).sort()).toEqual(['gradient', 'logits', 'loss', 'update']);
  for (const { observed, norm } of probe.quantities) expect(observed).toBeLessThan(10 * norm);
});
