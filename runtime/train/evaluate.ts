import type { FormatPlan } from '../../compiler/lower/plan.ts';
import { type Format, formatName } from '../../compiler/numeric/format.ts';
import { normals } from '../../compiler/numeric/random.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import type { Dataset } from '../data/split.ts';
import type { Engine } from '../engines/engine.ts';
import { Deployment } from './deployment.ts';
import type { Scores } from './metrics.ts';
import type { TrainedModel } from './model-file.ts';
import type { Score } from './score.ts';
import type { State } from './state.ts';

/** Draws over which the scores under weight noise are averaged. */
const NOISE_DRAWS = 5;

/** How a trained model does on the test set, and what the spec's `eval` clauses ask for. */
export interface Evaluation extends Scores {
  /** Deployed, with every weight in another format. */
  readonly weights: readonly { readonly format: string; readonly score: Score }[];
  /** In f32, with `σ·n` added to every parameter, n standard normal: one score a draw. */
  readonly noise: readonly { readonly sigma: number; readonly scores: readonly Score[] }[];
}

export async function evaluate(
  compiled: Compiled,
  model: TrainedModel,
  dataset: Dataset,
  engine: Engine,
  seed: number,
): Promise<Evaluation> {
  const { spec, plan } = compiled;
  const trained = new Deployment(engine, spec, plan, dataset);
  try {
    const scores = await trained.scores(model, dataset.test);
    const noise: { sigma: number; scores: Score[] }[] = [];
    for (const sigma of spec.evaluation.noise) {
      const draws: Score[] = [];
      for (let draw = 0; draw < NOISE_DRAWS; draw++) {
        draws.push(
          await trained.scoreFloat32(withNoise(compiled, model.state, sigma, seed, draw), dataset.test),
        );
      }
      noise.push({ sigma, scores: draws });
    }
    const weights: { format: string; score: Score }[] = [];
    for (const format of spec.evaluation.weights) {
      weights.push({
        format: formatName(format),
        score: await scoreWithWeights(compiled, format, model.state, dataset, engine),
      });
    }
    return { ...scores, weights, noise };
  } finally {
    await trained.dispose();
  }
}

async function scoreWithWeights(
  { spec, plan }: Compiled,
  format: Format,
  state: State,
  dataset: Dataset,
  engine: Engine,
): Promise<Score> {
  const deployment = new Deployment(engine, spec, withWeights(plan, format), dataset);
  try {
    return await deployment.scoreDeployed(
      { state, calibration: await deployment.calibrate(state) },
      dataset.test,
    );
  } finally {
    await deployment.dispose();
  }
}

/** The same plan with every layer's weights in one format; biases and activations stay. */
function withWeights(plan: FormatPlan, format: Format): FormatPlan {
  const sites = [...plan.sites].map(
    ([name, planned]) =>
      [name, planned.site.kind === 'weights' ? { ...planned, format, why: 'eval clause' } : planned] as const,
  );
  return { ...plan, sites: new Map(sites) };
}

function withNoise({ program }: Compiled, state: State, sigma: number, seed: number, draw: number): State {
  const parameters = new Set(
    program.tensors.filter(({ role }) => role === 'parameter').map(({ name }) => name),
  );
  return new Map(
    [...state].map(([name, tensor]) => {
      if (!parameters.has(name)) return [name, tensor];
      const noise = normals(seed, `eval.noise.${name}`, draw, tensor.data.length);
      return [name, { ...tensor, data: tensor.data.map((value, i) => value + sigma * (noise[i] ?? 0)) }];
    }),
  );
}
