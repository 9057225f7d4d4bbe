import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sampleForward } from '../../compiler/analysis/worst-case/forward.ts';
import { analyseWorstCase } from '../../compiler/analysis/worst-case/index.ts';
import { planFormats } from '../../compiler/lower/plan.ts';
import { lowerSample, lowerTraining } from '../../compiler/lower/training.ts';
import { fromNumber, toNumber } from '../../compiler/numeric/bound.ts';
import { checkSource } from '../../compiler/pipeline.ts';
import { SMALL_AUTO_SPEC } from '../auto/small-auto-spec.ts';
import { compileText, specText } from '../support/compile.ts';

test('the loss of a batch is no smaller a sum than its samples make it', () => {
  const bounds = [1, 64].map((batch) => {
    const { spec, plan, program } = compileText(
      specText({ model: 'x |> flatten |> dense(10) as f', precision: 'weights: int3', batch }),
    );
    const { quantities } = analyseWorstCase(spec, plan, program);
    return toNumber(quantities.find(({ name }) => name === 'loss')?.error.two ?? fromNumber(0));
  });
  // A mean over samples in one range is bounded as each of them is, whatever their number.
  const [one = 0, many = 0] = bounds;
  expect(many).toBeGreaterThan(0.9 * one);
  expect(many).toBeLessThan(1.1 * one);
});

const SMALL = SMALL_AUTO_SPEC.replace(
  /precision \{[\s\S]*/,
  'precision { weights: int8, activations: int8, gradients: int8 stochastic }',
);
const SPECS = new Map([
  ...readdirSync('specs')
    .filter((name) => /^(cnn|quickstart|t0|gpt3).*qspec$/.test(name) && !name.includes('auto'))
    .map((name) => [name, readFileSync(`specs/${name}`, 'utf8')] as const),
  ['accumulate', SMALL.replace('U ∘ B ∘ F', 'U ∘ accumulate(4, B ∘ F)')],
  ['noise and clip', SMALL.replace('U ∘ B ∘ F', 'U ∘ clip(1) ∘ B ∘ F ∘ noise(0.1)')],
]);

test.each([...SPECS])(
  'F of one sample pairs with all that the first F of a step computes: %s',
  (path, text) => {
    const { value: spec, diagnostics } = checkSource({ path, text });
    if (spec === undefined) throw new Error(diagnostics.map(({ message }) => message).join());
    const plan = planFormats(spec).value;
    const step = plan && lowerTraining(spec, plan).value?.stepWithGradients;
    const single = plan && lowerTraining({ ...spec, data: { ...spec.data, batch: 1 } }, plan).value;
    if (plan === undefined || step === undefined || single === undefined) throw new Error('not lowered');
    const found = sampleForward(step, lowerSample(spec, plan));
    const whole = sampleForward(step, single.stepWithGradients);
    expect(found?.counterpart).toEqual(whole?.counterpart);
    expect(found?.counterpart.size).toBeGreaterThan(4);
  },
);
