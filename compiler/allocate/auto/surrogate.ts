import {
  type BatchTable,
  denominatorOf,
  entryOf,
  interpolate,
  modelErrors,
  type QuantityTable,
  type SensitivityTable,
} from '../../analysis/probability/table.ts';
import { F32, formatName } from '../../numeric/format.ts';
import type { AllocationProblem, Contribution } from '../problem.ts';
import { levelNames, type Widths } from './choices.ts';
import type { AutoProblem, ModelledRequirement } from './problem.ts';

/**
 * The requirements as sums over sites, so that an exact allocator can take them. Without `around` only what is additive is kept, the
 * first order: every assignment that meets the requirements meets these, so that the optimum is a lower bound of the cost. Around an
 * assignment, what switches cost there is spread over the sites that cause the forward error τ² of each kink, in proportion: exact
 * there, and a guide elsewhere.
 *
 * @param tightness what the sums may reach, 1 being the requirement itself
 */
export function additiveProblem(
  problem: AutoProblem,
  around: Widths | undefined,
  tightness: number,
): AllocationProblem {
  return {
    sites: [...new Set([...problem.variables, ...problem.objective.flatMap(({ sites }) => sites)])],
    ties: [],
    limits: [],
    objective: problem.objective,
    requirements: problem.requirements.map((requirement) => {
      const weights = batchWeights(problem, requirement, around);
      return {
        name: `error(${requirement.quantity})`,
        contributions: contributionsTo(problem, requirement, weights),
        bound: Math.max(0, tightness - ofWritten(problem, requirement, weights)),
      };
    }),
  };
}

function contributionsTo(
  problem: AutoProblem,
  requirement: ModelledRequirement,
  weights: readonly Variances[],
): Contribution[] {
  const { sites } = requirement.table;
  return problem.choices.map(({ sites: group, widths }, i) => {
    const variable = problem.variables[i];
    if (variable === undefined) throw new Error('a choice has no variable');
    const rows = group.flatMap(({ name }) => {
      const row = sites.findIndex(({ site }) => site === name);
      return row < 0 ? [] : [{ name, row }];
    });
    // A lower bound needs one batch, whichever is nearest to its limit; a guide takes the worst of all for every entry.
    const values = widths.map((bits) =>
      rows.reduce((sum, { name, row }) => sum + entry(problem, requirement, weights, name, row, bits), 0),
    );
    return { name: variable.name, sites: [variable], values: descending(values) };
  });
}

/** What the sites add whose formats are written down. */
function ofWritten(
  { written }: AutoProblem,
  { table }: ModelledRequirement,
  weights: readonly Variances[],
): number {
  const columns = table.sites.map(({ site, levels }) => levels.indexOf(written.get(site) ?? ''));
  const sums = weights.map((rows) => rows.reduce((sum, row, i) => sum + (row[columns[i] ?? -1] ?? 0), 0));
  return Math.max(0, ...sums);
}

/** Numbers from samples need not fall with the width; the allocator's tables do. */
function descending(values: readonly number[]): number[] {
  let least = Infinity;
  return values.map((value) => {
    least = Math.min(least, value);
    return least;
  });
}

function entry(
  problem: AutoProblem,
  { table }: ModelledRequirement,
  weights: readonly Variances[],
  name: string,
  row: number,
  bits: number,
): number {
  const format = formatName(problem.formats.get(name)?.get(bits) ?? F32);
  if (format === 'f32') return 0;
  const column = table.sites[row]?.levels.indexOf(format) ?? -1;
  if (column < 0) throw new Error(`'${format}' of ${name} was not measured`);
  return weights.reduce((most, batch) => Math.max(most, batch[row]?.[column] ?? 0), 0);
}

/** `[batch][site][level]`: variances in units of the square of what is allowed. */
function batchWeights(
  problem: AutoProblem,
  { table, quantity, denominator, tolerance }: ModelledRequirement,
  around: Widths | undefined,
): readonly Variances[] {
  const names = around && levelNames(problem, around);
  const batches = names === undefined ? worstBatch(table.batches, quantity) : table.batches;
  const here =
    names && batches.some(({ quantities }) => quantities[quantity]?.ofGradient)
      ? { update: modelErrors(table, quantity, names), gradient: modelErrors(table, 'gradient', names) }
      : undefined;
  return batches.map((batch, i) => {
    const entry = entryOf(batch, quantity);
    const limit =
      (tolerance * denominatorOf(table, quantity, entry.norm, denominator)) / entry.quantileFactor;
    const own = variancesOf(table, batch, entry, names);
    // The update's error is a curve over the gradient's: its chord from 0 to the assignment, times what causes the gradient's.
    const [update, gradient] = [here?.update[i], here?.gradient[i]];
    const chord =
      update && gradient && gradient.expected > 0
        ? (update.expected - update.additive) / gradient.expected
        : 0;
    const passed = chord > 0 ? variancesOf(table, batch, entryOf(batch, 'gradient'), names) : undefined;
    return own.map((row, site) =>
      row.map((v, level) => (v + chord * (passed?.[site]?.[level] ?? 0)) / (limit * limit)),
    );
  });
}

/** `[site][level]` */
type Variances = readonly (readonly number[])[];

/** What each level of each site adds to the expected squared error: to first order, and its share of what switches cost at an assignment. */
function variancesOf(
  { sites }: SensitivityTable,
  { forward }: BatchTable,
  measured: QuantityTable,
  names: ReadonlyMap<string, string> | undefined,
): Variances {
  const columns = sites.map(({ site, levels }) => levels.indexOf(names?.get(site) ?? ''));
  const shares = forward.map(({ reference, sites: causes }, kink) => {
    if (names === undefined || !(reference > 0)) return { perVariance: 0, causes };
    const tau = causes.reduce((sum, row, i) => sum + (row[columns[i] ?? -1] ?? 0), 0);
    const ratio = Math.sqrt(tau / reference);
    const cost = interpolate(measured.switches[kink] ?? [], ratio);
    const bias = Math.max(0, measured.bias[kink + 1]?.[kink + 1] ?? 0) * ratio;
    return { perVariance: tau > 0 ? (cost + bias) / tau : 0, causes };
  });
  return sites.map(({ levels }, row) =>
    levels.map((_, column) => {
      const switching = shares.reduce(
        (sum, { perVariance, causes }) => sum + perVariance * (causes[row]?.[column] ?? 0),
        0,
      );
      return (measured.sites[row]?.[column] ?? 0) + switching;
    }),
  );
}

/** One batch is enough of a necessary condition: the one with the largest predicted error for its size. */
function worstBatch<
  T extends {
    readonly quantities: Readonly<Record<string, { readonly rms: number; readonly norm: number }>>;
  },
>(batches: readonly T[], quantity: string): readonly T[] {
  const relative = (batch: T): number => {
    const { rms = 0, norm = 1 } = batch.quantities[quantity] ?? {};
    return rms / norm;
  };
  const [first, ...others] = batches;
  if (first === undefined) return [];
  return [others.reduce((a, b) => (relative(b) > relative(a) ? b : a), first)];
}
