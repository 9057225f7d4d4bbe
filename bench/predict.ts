import { performance } from 'node:perf_hooks';
import { predict } from '../compiler/analysis/probability/index.ts';
import { loadDataset } from '../runtime/data/dataset.ts';
import { probeBatches, probePoint } from '../runtime/probe/batches.ts';
import { confirm } from '../runtime/probe/confirm.ts';
import { evaluatorOn, probeEngine } from '../runtime/probe/evaluator.ts';
import { initialState } from '../runtime/train/state.ts';
import type { Bench, Measurement } from './main.ts';
import { type Net, tightnessNet } from './tightness/nets.ts';

const BATCHES = 8;
const SEED = 1;
/** Passes for each batch: so that there are at least sixteen in all. */
const PASSES: readonly (readonly [Net, number])[] = [
  ['cnn2', 16],
  ['cnn4', 16],
  ['resnet8', 2],
];

/**
 * Time to predict the errors of one step at the initial weights from eight minibatches, every site at 8 bits and stochastic: in seconds, and in units of
 * a quantized step beside its real one. Needs the data under `QSPEC_DATA`.
 */
export const benchPredict: Bench = async () => {
  const engine = await probeEngine();
  const measurements: Measurement[] = [];
  for (const [net, passes] of PASSES) {
    const { spec, program } = tightnessNet(net, 8);
    const at = probePoint(program, initialState(program, SEED), { step: 0, stepsPerEpoch: 100, epochs: 1 });
    const batches = probeBatches(spec, program, await loadDataset(spec.data), BATCHES, SEED);
    const { evaluate, dispose } = evaluatorOn(engine, SEED);
    const steps = async (draws: number): Promise<number> => {
      const started = performance.now();
      const [batch] = batches;
      if (batch) await confirm(program, at, batch, evaluate, { reference: 'real', draws });
      return (performance.now() - started) / draws;
    };
    await steps(2);
    const step = await steps(10);
    const started = performance.now();
    await predict(program, at, batches, evaluate, {
      reference: 'real',
      probability: 0.99,
      seed: SEED,
      passes,
    });
    const time = performance.now() - started;
    await dispose();
    const name = `${net}, ${BATCHES} batches, ${passes} passes each`;
    measurements.push(
      { name, value: time / 1000, unit: 's' },
      { name: `${name}, steps`, value: time / step, unit: `of ${step.toFixed(0)} ms` },
    );
  }
  await engine.dispose();
  return measurements;
};
