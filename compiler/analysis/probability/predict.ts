import { sizeOf } from '../../ir/graph.ts';
import { lookup } from '../../lower/lookup.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import type {
  BatchPrediction,
  Evaluate,
  ProbabilityOptions,
  ProbeBatch,
  ProbePoint,
  ProbeTensor,
  ProbeTensors,
  Quantity,
  QuantityPrediction,
} from './contract.ts';
import { forwardErrors } from './forward-errors.ts';
import {
  drawn,
  type ForwardErrors,
  type Injection,
  type JumpDraw,
  siteInjections,
  varianceOf,
} from './injections.ts';
import { kinkInjections, normalizationInjections } from './kinks.ts';
import { jumpKurtosis } from './kurtosis.ts';
import { type Pass, passOf, type Settings, settingsOf, tangents } from './pass.ts';
import { raisedToReal } from './raise.ts';
import {
  difference,
  type ErrorProducts,
  errorProducts,
  expectedSquare,
  summarize,
  sumProducts,
} from './statistics.ts';
import { gradientOf, isLogits, type Study, study } from './study.ts';
import { type UpdateGraphs, updateGraphs } from './update.ts';
import { sampleUpdates } from './update-samples.ts';

/**
 * Predicts the error of every quantity on every batch, for the planned formats at the given point. Formulas A and B of
 * `probability-mode.md`: the probability space is the rounding of stochastic sites at this point and batch; rounding to
 * nearest is a model. What they leave out is measured: {@link raisedToReal}.
 */
export async function predict(
  program: TrainingProgram,
  point: ProbePoint,
  batches: readonly ProbeBatch[],
  evaluate: Evaluate,
  options: ProbabilityOptions,
): Promise<readonly BatchPrediction[]> {
  const settings = settingsOf(options);
  const subject = study(program, settings.reference);
  const updates = updateGraphs(program);
  const predictions: BatchPrediction[] = [];
  const passes: Pass[] = [];
  for (const { name, tensors } of batches) {
    const pass = passOf(evaluate, [point, tensors], settings.step);
    passes.push(pass);
    predictions.push({ batch: name, quantities: await predictBatch(subject, updates, pass, settings) });
  }
  return raisedToReal(program, passes, predictions, settings);
}

async function predictBatch(
  subject: Study,
  updates: UpdateGraphs,
  pass: Pass,
  settings: Settings,
): Promise<ReadonlyMap<Quantity, QuantityPrediction>> {
  return summaries(subject, await sample(subject, pass, settings), updates, pass, settings);
}

/** Drawn errors of every target on one batch, and what they were drawn from. */
export interface Sample {
  readonly base: ProbeTensors;
  readonly sites: readonly Injection[];
  readonly errors: ForwardErrors;
  readonly injections: readonly Injection[];
  /** Error vectors of the targets, one for each pass, with their mean. */
  readonly draws: readonly ProbeTensors[];
  /** The same, with switches that happen or do not: what the update is sampled from. */
  readonly events: readonly ProbeTensors[];
  /** Their common mean; absent where it is zero. */
  readonly bias: ProbeTensors | undefined;
}

export async function sample(subject: Study, pass: Pass, settings: Settings): Promise<Sample> {
  const base = await pass.run(subject.values);
  const sites = siteInjections(subject, base, settings.nearest);
  const errors: ForwardErrors = settings.switches
    ? await forwardErrors(subject, base, sites, pass, settings)
    : new Map();
  const injections = [
    ...sites,
    ...kinkInjections(subject, base, errors),
    ...normalizationInjections(subject, base, errors),
  ];
  const pushed = async (pass: Pass, first: number, count: number, how: JumpDraw) => {
    const results: ProbeTensors[] = [];
    for (let i = first; i < first + count; i++)
      results.push(
        await pass.run(
          subject.whole,
          tangents(subject, injections, (x) => drawn(x, settings.seed, i, how)),
        ),
      );
    return results;
  };
  const { passes } = settings;
  const draws = await pushed(pass, 0, passes, 'signs');
  // Gradient descent is linear: the draws serve the update as well.
  const { kind } = subject.program.optimizer;
  const linear = kind === 'sgd' || kind === 'momentum' || subject.perturbed.kinks.length === 0;
  const events = linear ? draws : await pushed(pass, 2 * passes, Math.max(2, passes >> 1), 'events');
  const bias = injections.some((x) => x.mean)
    ? await pass.run(
        subject.whole,
        tangents(subject, injections, (x) => x.mean),
      )
    : undefined;
  return { base, sites, errors, injections, draws, events, bias };
}

/** Means and quantiles of a sample. */
export async function summaries(
  subject: Study,
  { base, injections, draws, events, bias }: Sample,
  updates: UpdateGraphs,
  pass: Pass,
  settings: Settings,
): Promise<ReadonlyMap<Quantity, QuantityPrediction>> {
  const products = new Map(
    subject.targets.map(({ name }) => {
      const mean = bias && lookup(bias, name).data;
      const vectors = draws.map((draw) => {
        const { data } = lookup(draw, name);
        return mean ? difference(data, mean) : data;
      });
      return [name, errorProducts(vectors, mean, lookup(base, name).data)] as const;
    }),
  );
  const quantities = new Map([
    ...quantitiesOf(subject, products),
    ['loss', await lossProducts(subject, pass, injections, lookup(products, 'loss'))] as const,
  ]);
  const updateProducts = await sampleUpdates(subject, updates, pass, base, events);
  const tails = await jumpKurtosis(subject, pass, injections, settings);
  const ofGradient = expectedSquare(lookup(quantities, 'gradient'));
  return new Map(
    [...quantities, ['update', updateProducts] as const].map(([name, p]) => {
      // A jump is taken to reach each parameter's gradient, and the update, in proportion to their errors.
      const share = name === 'logits' || name === 'loss' ? 0 : expectedSquare(p) / ofGradient;
      const shared = tails.map(({ probability, kurtosis }) => ({
        probability,
        kurtosis: kurtosis > 0 ? kurtosis * share * share : 0,
      }));
      return [name, summarize(p, shared)];
    }),
  );
}

/**
 * A scalar's variance is exact from one adjoint pass, where the mean square of m draws would be off by `√(2/m)`: products of two
 * draws that have it.
 */
async function lossProducts(
  subject: Study,
  pass: Pass,
  injections: readonly Injection[],
  { bias, square }: ErrorProducts,
): Promise<ErrorProducts> {
  const adjoint = await pass.run(
    subject.adjoint,
    new Map(
      subject.targets.map(({ name, value }): [string, ProbeTensor] => {
        const shape = subject.shapeOf(value);
        return [
          `cotangent:${name}`,
          { shape, data: new Float32Array(sizeOf(shape)).fill(Number(name === 'loss')) },
        ];
      }),
    ),
  );
  const variance = injections.reduce((sum, x) => sum + varianceOf(x, lookup(adjoint, x.point).data), 0);
  const along = Math.sqrt(variance * bias);
  return { gram: new Float64Array(4).fill(variance), cross: Float64Array.of(along, along), bias, square };
}

/** The targets' products, and those of the concatenations `logits` and `gradient`. */
function quantitiesOf(
  subject: Study,
  products: ReadonlyMap<string, ErrorProducts>,
): ReadonlyMap<Quantity, ErrorProducts> {
  const sumOf = (keep: (name: string) => boolean) =>
    sumProducts(subject.targets.filter(({ name }) => keep(name)).map(({ name }) => lookup(products, name)));
  return new Map([
    ['logits', sumOf(isLogits)],
    ['loss', lookup(products, 'loss')],
    ['gradient', sumOf((name) => name.startsWith(gradientOf('')))],
    ...[...products].filter(([name]) => name.startsWith(gradientOf(''))),
  ]);
}
