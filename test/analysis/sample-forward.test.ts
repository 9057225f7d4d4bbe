import { expect, test } from 'vitest';
import { analyseWorstCase } from '../../compiler/analysis/worst-case/index.ts';
import { fromNumber, toNumber } from '../../compiler/numeric/bound.ts';
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
