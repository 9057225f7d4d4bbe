import { NUMBERS } from '../../compiler/analysis/worst-case/algebras.ts';
import { prepareAtBatch } from '../../compiler/analysis/worst-case/at-batch.ts';
import { DOMAINS } from '../../compiler/analysis/worst-case/index.ts';
import { stepInputs } from '../../compiler/analysis/worst-case/inputs.ts';
import { type PreparedStep, passErrors, prepareStep } from '../../compiler/analysis/worst-case/pass.ts';
import type { NdArray } from '../../compiler/ir/ndarray.ts';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { lowerSample, lowerTraining } from '../../compiler/lower/training.ts';
import { toNumber } from '../../compiler/numeric/bound.ts';
import { loadDataset } from '../../runtime/data/dataset.ts';
import { probeBatches, probePoint } from '../../runtime/probe/batches.ts';
import { confirm } from '../../runtime/probe/confirm.ts';
import { evaluatorOn, probeEngine } from '../../runtime/probe/evaluator.ts';
import { initialState } from '../../runtime/train/state.ts';
import type { Bench, Measurement } from '../main.ts';
import { NETS, type Net, tightnessNet } from './nets.ts';

/** Samples of the batch: slopes are followed for each. */
const BATCH = 8;
const DRAWS = 16;

/**
 * Worst-case bound ÷ the largest error of real quantized steps at initialization, for logits, the first and the last layer's gradient and the
 * update: by domain, from the text alone and at the batch. `QSPEC_NETS` and `QSPEC_BITS` choose.
 */
export const benchWorstCase: Bench = async () => {
  const list = (name: string): readonly string[] => process.env[name]?.split(',') ?? [];
  const nets = NETS.filter((net) => list('QSPEC_NETS').length === 0 || list('QSPEC_NETS').includes(net));
  const widths = list('QSPEC_BITS').length > 0 ? list('QSPEC_BITS').map(Number) : [4, 8, 16];
  const measurements: Measurement[] = [];
  for (const net of nets) {
    for (const bits of widths) {
      for (const measurement of await compare(net, bits)) {
        process.stderr.write(`${measurement.name}: ${measurement.value.toPrecision(3)}\n`);
        measurements.push(measurement);
      }
    }
  }
  return measurements;
};

async function compare(net: Net, bits: number): Promise<readonly Measurement[]> {
  const { spec: whole, plan } = tightnessNet(net, bits);
  const spec = { ...whole, data: { ...whole.data, batch: BATCH } };
  const program = lowerTraining(spec, plan).value;
  if (program === undefined) throw new Error(`${net} does not lower`);
  const dataset = await loadDataset(spec.data);
  const state = initialState(program, spec.train.seed);
  const point = probePoint(program, state, { step: 0, stepsPerEpoch: 1000, epochs: 1 });
  const [batch] = probeBatches(spec, program, dataset, 1, 9203);
  if (batch === undefined) throw new Error('no batch');
  const evaluator = evaluatorOn(await probeEngine(), 733);
  const observed = await confirm(program, point, batch, evaluator.evaluate, {
    reference: 'real',
    draws: DRAWS,
  });
  await evaluator.dispose();
  const inputs = new Map<string, NdArray>(
    [...point, ...batch.tensors].map(([name, { shape, data }]) => [name, ndarray(shape, data)]),
  );
  const noise = (_: string, __: string, shape: readonly number[]): NdArray => ndarray(shape);
  const facts = stepInputs(spec, program, { seed: spec.train.seed });
  const [step, one] = [program.stepWithGradients, lowerSample(spec, plan)];
  const parameters = program.tensors.filter(
    ({ role, name }) => role === 'parameter' && name.endsWith('weights'),
  );
  const ends = [parameters[0]?.name ?? '', parameters.at(-1)?.name ?? ''];
  const quantities = ['logits', ...ends.map((name) => `${name}.grad`)];
  const report = (where: string, prepared: PreparedStep): Measurement[] => {
    const errors = passErrors(prepared, { algebra: NUMBERS });
    return quantities.flatMap((name) => {
      const output = step.outputs.find((o) => o.name === name);
      const error = output && errors[output.value];
      const seen = observed.get(name === 'logits' ? name : `gradient:${name.slice(0, -'.grad'.length)}`);
      const largest = seen?.errors.at(-1);
      if (error === undefined || largest === undefined) return [];
      const value = toNumber(error.two) / largest;
      return [{ name: `${net}, ${bits} bits, ${where}, ${name}: bound ÷ observed`, value, unit: '' }];
    });
  };
  return DOMAINS.flatMap((domain) => [
    ...report(`${domain}, text alone`, prepareStep(step, one, facts, { domain })),
    ...report(`${domain}, at the batch`, prepareAtBatch(step, one, facts, { inputs, noise }, { domain })),
  ]);
}
