import {
  type BatchPrediction,
  type MeasureOptions,
  measure,
  type ProbabilityOptions,
  type ProbePoint,
  predict,
  type Quantity,
  type SensitivityTable,
} from '../../compiler/analysis/probability/index.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../engines/engine.ts';
import { probeBatches } from './batches.ts';
import { confirm, type Observed } from './confirm.ts';
import { type Evaluator, evaluatorOn } from './evaluator.ts';

/** Where and with which minibatches a spec is probed. */
export interface ProbeSetting {
  readonly compiled: Compiled;
  readonly point: ProbePoint;
  readonly dataset: Dataset;
  readonly engine: Engine;
  /** Probe batches, at least 8 for a claim: over batches the error of a trained net varies by 1.3 to 3.5. */
  readonly batches: number;
  /** Seed of the choice of batches, and of the noise of real steps. */
  readonly seed: number;
}

/** Predictions on real minibatches of the training set. */
export function probe(
  setting: ProbeSetting,
  options: ProbabilityOptions,
): Promise<readonly BatchPrediction[]> {
  return withEvaluator(setting, ({ evaluate }) =>
    predict(setting.compiled.program, setting.point, batchesOf(setting), evaluate, options),
  );
}

/** The sensitivity table on real minibatches of the training set. */
export function probeTable(setting: ProbeSetting, options: MeasureOptions): Promise<SensitivityTable> {
  return withEvaluator(setting, ({ evaluate }) =>
    measure(setting.compiled.program, setting.point, batchesOf(setting), evaluate, options),
  );
}

/** Real quantized steps on the same minibatches: sixteen give a root mean square within ±14 % (90 %, worst output). */
export function probeConfirm(
  setting: ProbeSetting,
  options: Parameters<typeof confirm>[4],
): Promise<readonly { readonly batch: string; readonly observed: ReadonlyMap<Quantity, Observed> }[]> {
  return withEvaluator(setting, async ({ evaluate }) => {
    const results = [];
    for (const batch of batchesOf(setting)) {
      const observed = await confirm(setting.compiled.program, setting.point, batch, evaluate, options);
      results.push({ batch: batch.name, observed });
    }
    return results;
  });
}

/** The largest of a quantity's p-quantiles over the batches, relative to its norm, and the spread of them: largest ÷ smallest. */
export function worst(
  predictions: readonly BatchPrediction[],
  quantity: Quantity,
): { readonly quantile: number; readonly relative: number; readonly batch: string; readonly spread: number } {
  const all = predictions.map(({ batch, quantities }) => {
    const found = quantities.get(quantity);
    if (!found) throw new Error(`'${quantity}' was not predicted`);
    return { quantile: found.quantile, relative: found.quantile / found.norm, batch };
  });
  const largest = all.reduce((a, b) => (b.relative > a.relative ? b : a));
  const smallest = Math.min(...all.map((a) => a.relative));
  return { ...largest, spread: largest.relative / smallest };
}

function batchesOf({ compiled, dataset, batches, seed }: ProbeSetting) {
  return probeBatches(compiled.spec, compiled.program, dataset, batches, seed);
}

async function withEvaluator<T>(
  setting: ProbeSetting,
  use: (evaluator: Evaluator) => Promise<T>,
): Promise<T> {
  const evaluator = evaluatorOn(setting.engine, setting.seed);
  try {
    return await use(evaluator);
  } finally {
    await evaluator.dispose();
  }
}
