import type { Quantity } from './contract.ts';
import { type BatchTable, CURVE, type QuantityTable, type SensitivityTable } from './table-data.ts';

export * from './table-data.ts';

/** Site → level by its name in the table. A site that is left out, or f32, rounds nothing. */
export type LevelAssignment = ReadonlyMap<string, string>;

/** The model's error of one quantity on one batch. */
export interface ModelError {
  readonly batch: string;
  /** Expected squared error. */
  readonly expected: number;
  /** The additive part of it, first order alone: a lower bound of `expected` that is a sum over sites. */
  readonly additive: number;
  readonly rms: number;
  /** `rms` times the quantile factor of the planned formats. */
  readonly quantile: number;
  readonly norm: number;
}

/**
 * `E(b) = Σ_s V_s(b_s) + Σ_l S_l(r_l) + Σ_ll' ρ_l ρ_l' (b_l·b_l')₊` on every batch, with `r_l² = Σ_s T_ls(b_s) / τ_l²`
 * (`probability-mode.md`, For the allocator, with curves where it has powers of r). Negative products of biases are left out, so
 * that E never falls when a site's variance grows. The update's is its curve at the gradient's, and what storing adds.
 */
export function modelErrors(
  table: SensitivityTable,
  quantity: Quantity,
  assignment: LevelAssignment,
): readonly ModelError[] {
  const columns = columnsOf(table, (site) => assignment.get(site));
  const planned = columnsOf(table, (site) => table.sites.find((s) => s.site === site)?.planned);
  return table.batches.map((batch) => {
    const entry = entryOf(batch, quantity);
    const { additive, expected } =
      entry.ofGradient === undefined
        ? squaredError(batch, entry, columns)
        : updateError(batch, entry, columns, planned);
    const rms = Math.sqrt(expected);
    const quantile = rms * entry.quantileFactor;
    return { batch: batch.batch, expected, additive, rms, quantile, norm: entry.norm };
  });
}

interface SquaredError {
  readonly additive: number;
  readonly expected: number;
}

function squaredError(
  { forward }: BatchTable,
  entry: QuantityTable,
  columns: readonly number[],
): SquaredError {
  const ratios = forward.map(({ reference, sites }) =>
    reference > 0 ? Math.sqrt(sumOf(sites, columns) / reference) : 0,
  );
  const additive = sumOf(entry.sites, columns);
  const switching = entry.switches.reduce((total, curve, l) => total + interpolate(curve, ratios[l] ?? 0), 0);
  const scales = [
    growth(entry.forward, ratios),
    ...entry.backward.map((curve, l) => growth([curve], [ratios[l] ?? 0])),
  ];
  const bias = entry.bias.reduce(
    (total, row, i) =>
      row.reduce((part, x, j) => part + Math.max(0, x) * (scales[i] ?? 0) * (scales[j] ?? 0), total),
    0,
  );
  return { additive, expected: additive + switching + bias };
}

function updateError(
  batch: BatchTable,
  { sites, ofGradient = [] }: QuantityTable,
  columns: readonly number[],
  planned: readonly number[],
): SquaredError {
  const gradient = entryOf(batch, 'gradient');
  const reference = squaredError(batch, gradient, planned).expected;
  const here = squaredError(batch, gradient, columns);
  const stored = sumOf(sites, columns);
  const at = (square: number): number =>
    reference > 0 ? interpolate(ofGradient, Math.sqrt(square / reference)) : 0;
  return { additive: stored, expected: stored + at(here.expected) };
}

/** A batch's table of a quantity. @throws where it was not measured */
export function entryOf({ quantities }: BatchTable, quantity: Quantity): QuantityTable {
  const entry = quantities[quantity];
  if (!entry) throw new Error(`the table has no quantity '${quantity}'`);
  return entry;
}

function sumOf(rows: readonly (readonly number[])[], columns: readonly number[]): number {
  return rows.reduce((total, row, i) => total + (row[columns[i] ?? -1] ?? 0), 0);
}

export type Denominator = 'absolute' | 'norm' | 'noise_floor';

/** The largest model error over the probe batches, divided by the batch's norm or the noise floor. */
export function modelError(
  table: SensitivityTable,
  quantity: Quantity,
  assignment: LevelAssignment,
  relativeTo: Denominator,
): { readonly rms: number; readonly quantile: number; readonly additive: number; readonly batch: string } {
  const errors = modelErrors(table, quantity, assignment).map((error) => {
    const by = denominatorOf(table, quantity, error.norm, relativeTo);
    return {
      rms: error.rms / by,
      quantile: error.quantile / by,
      additive: Math.sqrt(error.additive) / by,
      batch: error.batch,
    };
  });
  return errors.reduce((a, b) => (b.quantile > a.quantile ? b : a));
}

/**
 * The additive lower part as a table for an exact allocator: each `Σ_s weights[s][level] ≤ 1` is necessary for a p-quantile within the
 * tolerance (as far as the quantile is the planned formats' multiple of the root mean square). The update gives two conditions a
 * batch: on what storing adds, and on the gradient whose error alone would make the update's too large.
 */
export function additiveRequirement(
  table: SensitivityTable,
  quantity: Quantity,
  tolerance: number,
  relativeTo: Denominator,
): readonly { readonly batch: string; readonly weights: readonly (readonly number[])[] }[] {
  const planned = columnsOf(table, (site) => table.sites.find((s) => s.site === site)?.planned);
  return table.batches.flatMap((batch) => {
    const entry = entryOf(batch, quantity);
    const limit = (tolerance * denominatorOf(table, quantity, entry.norm, relativeTo)) / entry.quantileFactor;
    const within = (rows: readonly (readonly number[])[], square: number) => ({
      batch: batch.batch,
      weights: rows.map((row) => row.map((v) => v / square)),
    });
    if (entry.ofGradient === undefined) return [within(entry.sites, limit * limit)];
    const gradient = entryOf(batch, 'gradient');
    const ratio = largestRatio(entry.ofGradient, limit * limit);
    const most = ratio * ratio * squaredError(batch, gradient, planned).expected;
    return [within(entry.sites, limit * limit), ...(most < Infinity ? [within(gradient.sites, most)] : [])];
  });
}

/** The largest r at which a growing curve does not exceed a value. */
function largestRatio(curve: readonly number[], value: number): number {
  if (interpolate(curve, 2 ** (CURVE.at(-1) ?? 0)) <= value) return Infinity;
  let [low, high] = [CURVE[0] ?? 0, CURVE.at(-1) ?? 0];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (interpolate(curve, 2 ** middle) <= value) low = middle;
    else high = middle;
  }
  return 2 ** high;
}

/** What an error on a batch whose quantity has the given norm is divided by. */
export function denominatorOf(
  table: SensitivityTable,
  quantity: Quantity,
  norm: number,
  relativeTo: Denominator,
): number {
  if (relativeTo === 'absolute') return 1;
  if (relativeTo === 'norm') return norm;
  const floor = table.noiseFloor[quantity];
  if (floor === undefined) throw new Error(`no noise floor of '${quantity}' was measured`);
  return floor;
}

function columnsOf(table: SensitivityTable, of: (site: string) => string | undefined): readonly number[] {
  return table.sites.map(({ site, levels }) => columnOf(site, levels, of(site)));
}

/** The column of a level, −1 where the site rounds nothing. */
function columnOf(site: string, levels: readonly string[], level: string | undefined): number {
  if (level === undefined || level === 'f32') return -1;
  const column = levels.indexOf(level);
  if (column < 0) throw new Error(`'${level}' of ${site} was not measured: ${levels.join(', ')}`);
  return column;
}

/** How much larger a bias is than at the planned formats: the root of the ratio of what it grows like. */
function growth(curves: readonly (readonly number[])[], ratios: readonly number[]): number {
  const at = (r: (l: number) => number) =>
    curves.reduce((sum, curve, l) => sum + interpolate(curve, r(l)), 0);
  const planned = at(() => 1);
  return planned > 0 ? Math.sqrt(at((l) => ratios[l] ?? 0) / planned) : 0;
}

/** A curve over log₂ r at r: logarithms are interpolated where both ends are positive, and the ends are held or extended to 0. */
export function interpolate(curve: readonly number[], r: number): number {
  if (!(r > 0)) return 0;
  const [first = 0] = CURVE;
  const place = Math.min(Math.max(Math.log2(r) - first, 0), curve.length - 1);
  const low = Math.min(Math.floor(place), curve.length - 2);
  const [a = 0, b = 0] = [curve[low], curve[low + 1]];
  const share = place - low;
  return a > 0 && b > 0 ? a ** (1 - share) * b ** share : a + share * (b - a);
}
