import { loadDataset } from '../../data/dataset.ts';
import { dataRoot } from '../../data/root.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { type Evaluation, evaluate } from '../../train/evaluate.ts';
import type { Score } from '../../train/score.ts';
import { type Context, print, say } from '../context.ts';
import { type EngineOptions, openEngine } from '../engines.ts';
import { scoreText } from '../score-text.ts';
import { number, percent, table } from '../text.ts';
import { openTrainedRun } from '../trained-run.ts';

/** `qspec eval RUN`: scores on stdout, as a table or as JSON. */
export async function evalCommand(context: Context, path: string, options: EngineOptions): Promise<ExitCode> {
  const run = await openTrainedRun(context, path);
  if (!run) return EXIT.diagnostics;
  const { compiled, model, record } = run;
  const engine = await openEngine(
    options.engine ?? record.engine,
    options.threads ?? record.threads,
    options,
  );
  try {
    const dataset = await loadDataset(compiled.spec.data, {
      root: dataRoot(context.io.env),
      log: (line) => say(context, line),
    });
    const evaluation = await evaluate(compiled, model, dataset, engine, record.seed);
    if (context.reporter === 'json') print(context, JSON.stringify(evaluation, undefined, 2));
    else for (const line of describe(evaluation)) print(context, line);
    return EXIT.ok;
  } finally {
    await engine.dispose();
  }
}

function describe({ float32, deployed, weights, noise }: Evaluation): string[] {
  return table([
    ['f32', scoreText(float32)],
    ['deployed', scoreText(deployed)],
    ...weights.map(({ format, score }) => [`deployed, weights ${format}`, scoreText(score)]),
    ...noise.map(({ sigma, scores }) => [`f32, weight noise σ = ${number(sigma)}`, spread(scores)]),
  ]);
}

/** Mean and sample standard deviation over draws of the noise. */
function spread(scores: readonly Score[]): string {
  const values = scores.map(({ accuracy, loss }) => accuracy ?? loss);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(values.length - 1, 1);
  const deviation = Math.sqrt(variance);
  const text = scores.every(({ accuracy }) => accuracy !== undefined)
    ? `${percent(mean)} ± ${percent(deviation)}`
    : `loss ${number(mean)} ± ${number(deviation)}`;
  return `${text} over ${values.length} draws`;
}
