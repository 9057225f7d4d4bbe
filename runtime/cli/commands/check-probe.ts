import { dirname, resolve } from 'node:path';
import type { StepAnalysis } from '../../analysis/analyse.ts';
import { probeStep, type StepProbe } from '../../analysis/probe.ts';
import { loadDataset } from '../../data/dataset.ts';
import { dataRoot } from '../../data/root.ts';
import { probeBatches, probePoint } from '../../probe/batches.ts';
import { evaluatorOn, probeEngine } from '../../probe/evaluator.ts';
import { probe as predictions } from '../../probe/probe.ts';
import { initialStateOf } from '../../train/initialize.ts';
import { type Context, say } from '../context.ts';
import { defaultThreads } from '../engines.ts';
import type { Predicted } from '../probe-text.ts';

/** The probability whose quantile is predicted. */
const PROBABILITY = 0.99;

/** Observed and predicted errors. */
export interface Probed {
  readonly probe: StepProbe;
  readonly predicted: Predicted;
}

/** Runs the step on real minibatches: on the onnx engine where it loads, else on the reference evaluator. */
export async function probeAnalysed(
  context: Context,
  analysis: StepAnalysis,
  count: number,
): Promise<Probed> {
  const { compiled } = analysis;
  const { spec, program } = compiled;
  const { seed, epochs } = spec.train;
  const folder = dirname(resolve(context.io.cwd, spec.source.path));
  const dataset = await loadDataset(spec.data, {
    root: dataRoot(context.io.env),
    log: (line) => say(context, line),
  });
  const state = await initialStateOf(compiled, seed, folder);
  const batches = probeBatches(spec, program, dataset, count, seed);
  const stepsPerEpoch = Math.max(1, Math.floor(dataset.train.count / program.batch));
  const point = probePoint(program, state, { step: 0, stepsPerEpoch, epochs });
  const engine = await probeEngine(defaultThreads());
  const evaluator = evaluatorOn(engine, seed);
  try {
    say(context, `probing with ${count} minibatches on the ${engine.name} engine`);
    const probe: StepProbe = await probeStep(analysis, point, batches, evaluator.evaluate);
    const predicted: Predicted = {
      probability: PROBABILITY,
      predictions: await predictions(
        { compiled, point, dataset, engine, batches: count, seed },
        { reference: 'real', probability: PROBABILITY },
      ),
    };
    return { probe, predicted };
  } finally {
    await evaluator.dispose();
    await engine.dispose();
  }
}
