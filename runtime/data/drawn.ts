import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { type Dataset, elements, rows, type Split } from './split.ts';

/**
 * Samples that stand for data that is not there: every value uniform in the declared range and every class as likely as any, all of them
 * independent. What is measured on them is an estimate. A reason instead where the text does not say enough.
 */
export function drawnDataset({ model, data }: CheckedSpec, samples: number, seed: number): Dataset | string {
  const [input] = model.layers;
  const { low, high } = input?.kind === 'input' ? input.options : { low: undefined, high: undefined };
  if (low === undefined || high === undefined) return 'the range of its input is not declared';
  if (data.target.kind !== 'classes') return 'its targets are numbers, whose range nothing declares';
  const { count: classes } = data.target;
  const x = uniforms(seed, 'drawn inputs', 0, samples * elements(data.sampleShape));
  const train: Split = {
    count: samples,
    x: x.map((u) => low + (high - low) * u),
    labels: Int32Array.from(uniforms(seed, 'drawn classes', 0, samples), (u) => Math.floor(u * classes)),
  };
  const none = rows(train, samples, samples);
  const { name, sampleShape, target } = data;
  return { name, sampleShape, target, drawn: true, train, validation: none, test: none };
}
