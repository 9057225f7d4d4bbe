import { lookup } from '../../lower/lookup.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { formatName } from '../../numeric/format.ts';
import { type Cotangent, squaredAdjoints } from './adjoints.ts';
import { biasProducts } from './bias.ts';
import type { BatchContext } from './context.ts';
import type {
  Evaluate,
  ProbabilityOptions,
  ProbeBatch,
  ProbePoint,
  ProbeTensors,
  Quantity,
} from './contract.ts';
import { kinkElements, switchCurves } from './curves.ts';
import { pairsOf } from './kinks.ts';
import { type Levels, LevelVariances, levelsOf } from './levels.ts';
import { noiseFloors } from './noise-floor.ts';
import { passOf, settingsOf } from './pass.ts';
import { sample, summaries } from './predict.ts';
import { rounded } from './rounded.ts';
import { countsTowards, gradientOf, kinkNames, type Study, study } from './study.ts';
import type { PoolPairs } from './switches.ts';
import type { BatchTable, QuantityTable, SensitivityTable, TableSite } from './table-data.ts';
import { updateGraphs } from './update.ts';
import { storedVariances, updateCurve } from './update-curve.ts';

export interface MeasureOptions extends ProbabilityOptions {
  /** What is measured; `logits`, `loss`, `gradient` and `update` unless stated. Each `gradient:NAME` costs as many passes again. */
  readonly quantities?: readonly Quantity[];
  readonly levels: Levels;
}

/**
 * Measures the sensitivity of the step to every level of every site. Passes of random signs run backwards from a quantity and give
 * the adjoint at every site at once, so that all sites and levels come out of the same few passes: for each batch
 * `m` adjoint passes for each quantity and `m/4` for each kink, `2m + kinks + 2` tangent passes (half of m more for Adam).
 *
 * @param program lowered with a quantizer at each site that is to be chosen; r = 1 in the table is at its formats
 */
export async function measure(
  program: TrainingProgram,
  point: ProbePoint,
  batches: readonly ProbeBatch[],
  evaluate: Evaluate,
  options: MeasureOptions,
): Promise<SensitivityTable> {
  const settings = settingsOf(options);
  const subject = study(program, settings.reference);
  const updates = updateGraphs(program);
  const asked = options.quantities ?? ['logits', 'loss', 'gradient', 'update'];
  // The update's error is a function of the gradient's.
  const quantities = asked.includes('update') ? [...new Set([...asked, 'gradient'])] : asked;
  const sites = tableSites(subject, options.levels);
  const tables: BatchTable[] = [];
  const gradients: ProbeTensors[] = [];
  for (const batch of batches) {
    const pass = passOf(evaluate, [point, batch.tensors], settings.step);
    const drawn = await sample(subject, pass, settings);
    const context = { subject, updates, pass, settings, drawn, sites, levels: options.levels };
    const { table, gradient } = await measureBatch(context, batch.name, quantities);
    tables.push(table);
    gradients.push(gradient);
  }
  return {
    version: 1,
    reference: settings.reference,
    nearest: settings.nearest,
    probability: settings.probability,
    passes: settings.passes,
    seed: settings.seed,
    sites,
    kinks: subject.perturbed.kinks.map((k) => k.name),
    batches: tables,
    noiseFloor: noiseFloors(gradients),
  };
}

async function measureBatch(context: BatchContext, batch: string, quantities: readonly Quantity[]) {
  const { subject, pass, settings, drawn } = context;
  const predicted = await summaries(subject, drawn, context.updates, pass, settings);
  const variances = new LevelVariances(context);
  const pairs = new Map(
    subject.perturbed.kinks.flatMap((k) =>
      k.kind === 'pool' ? [[k.name, pairsOf(k, lookup(drawn.base, k.operand))] as const] : [],
    ),
  );
  const bias = await biasProducts(context);
  const gradientRms = lookup(predicted, 'gradient').rms;
  const entries: [Quantity, QuantityTable][] = [];
  for (const quantity of quantities) {
    const { norm, rms, quantile } = lookup(predicted, quantity);
    const common = {
      norm: rounded(norm),
      rms: rounded(rms),
      quantileFactor: rounded(rms > 0 ? quantile / rms : 1),
    };
    entries.push([
      quantity,
      { ...common, ...(await sensitivities(context, quantity, variances, pairs, bias, gradientRms)) },
    ]);
  }
  const forward = await forwardShares(context, variances, pairs);
  const table: BatchTable = { batch, quantities: Object.fromEntries(entries), forward };
  const gradient = new Map([...drawn.base].filter(([name]) => name.startsWith(gradientOf(''))));
  return { table, gradient };
}

type Sensitivities = Omit<QuantityTable, 'norm' | 'rms' | 'quantileFactor'>;

async function sensitivities(
  context: BatchContext,
  quantity: Quantity,
  variances: LevelVariances,
  pairs: ReadonlyMap<string, PoolPairs>,
  bias: (quantity: Quantity) => readonly (readonly number[])[],
  gradientRms: number,
): Promise<Sensitivities> {
  if (quantity === 'update') {
    const stored = await storedVariances(context);
    const sites = context.sites.map(({ site, levels }) =>
      (stored.get(site) ?? levels.map(() => 0)).map(rounded),
    );
    const ofGradient = (await updateCurve(context, gradientRms)).map(rounded);
    return { sites, switches: [], bias: [], backward: [], forward: [], ofGradient };
  }
  const adjoints = await quantityAdjoints(context, quantity, pairs);
  const curves = kinkCurves(context, adjoints, pairs);
  const part = (key: 'variance' | 'backward' | 'forward') => curves.map((c) => c[key].map(rounded));
  return {
    sites: context.sites.map(({ site, levels }) => variances.shares(site, levels, adjoints).map(rounded)),
    switches: part('variance'),
    bias: bias(quantity).map((row) => row.map(rounded)),
    backward: part('backward'),
    forward: part('forward'),
  };
}

/** The sites that the reference counts, with their levels, in the order of the step. */
function tableSites({ program, perturbed }: Study, levels: Levels): readonly TableSite[] {
  const names = [...new Set(perturbed.sites.map((s) => s.site))];
  return names.map((site) => ({
    site,
    levels: levelsOf(program, levels, site).map(formatName),
    planned: formatName(lookup(program.plan.sites, site).format),
  }));
}

function quantityAdjoints(
  { subject, pass, settings }: BatchContext,
  quantity: Quantity,
  pools: ReadonlyMap<string, PoolPairs>,
): Promise<ReadonlyMap<string, Float32Array>> {
  const shapes = new Map(subject.targets.map(({ name, value }) => [name, subject.shapeOf(value)]));
  const cotangents = subject.targets
    .filter(({ name }) => countsTowards(name, quantity))
    .map(({ name }): Cotangent => ({ target: name, shape: lookup(shapes, name) }));
  const pairs = new Map(
    subject.perturbed.kinks.flatMap((kink) => {
      const of = pools.get(kink.name);
      return of ? kink.backward.map((_, i) => [kinkNames(kink, i).back, of] as const) : [];
    }),
  );
  // One sign says all of a scalar.
  const passes = quantity === 'loss' ? 1 : settings.passes;
  const options = { passes, seed: settings.seed, stream: `adjoint ${quantity}`, pairs };
  return squaredAdjoints(subject.adjoint, shapes, cotangents, pass, options);
}

function kinkCurves(
  { subject, drawn }: BatchContext,
  adjoints: ReadonlyMap<string, Float32Array>,
  pairs: ReadonlyMap<string, PoolPairs>,
) {
  return subject.perturbed.kinks.map((kink) => {
    const squares = drawn.errors.get(kink.name);
    const z = lookup(drawn.base, kink.operand);
    const cotangents = kink.backward.map((_, i) => lookup(drawn.base, kinkNames(kink, i).v));
    const at = {
      forward: lookup(adjoints, kinkNames(kink).forward),
      backward: kink.backward.map((_, i) => lookup(adjoints, kinkNames(kink, i).back)),
    };
    return switchCurves(
      kinkElements(kink, z, squares ?? new Float32Array(0), cotangents, at, pairs.get(kink.name)),
    );
  });
}

/** The shares of every site and level in every kink's τ². */
async function forwardShares(
  { subject, pass, settings, sites }: BatchContext,
  variances: LevelVariances,
  pools: ReadonlyMap<string, PoolPairs>,
): Promise<BatchTable['forward']> {
  if (!settings.switches) return [];
  const shapes = new Map(
    subject.perturbed.kinks.map((kink) => [kink.operand, subject.shapeOf(kink.z)] as const),
  );
  const shares: BatchTable['forward'][number][] = [];
  for (const kink of subject.perturbed.kinks) {
    const target = kink.operand;
    const pairs = pools.get(kink.name);
    const cotangent: Cotangent = { target, shape: lookup(shapes, target), ...(pairs ? { pairs } : {}) };
    const options = {
      passes: Math.max(2, Math.ceil(settings.passes / 4)),
      seed: settings.seed,
      stream: `forward ${kink.name}`,
    };
    const adjoints = await squaredAdjoints(subject.forwardAdjoint, shapes, [cotangent], pass, options);
    const rows = sites.map(({ site, levels }) => variances.shares(site, levels, adjoints).map(rounded));
    const reference = rows.reduce((sum, row, i) => {
      const { levels, planned } = sites[i] ?? { levels: [] as string[], planned: '' };
      return sum + (row[levels.indexOf(planned)] ?? 0);
    }, 0);
    shares.push({ reference: rounded(reference), sites: rows });
  }
  return shares;
}
