import type { NearestModel, Quantity, Reference } from './contract.ts';

/**
 * Sensitivities of one step to every level of every site, as plain data: what {@link modelError} needs to estimate the error
 * of any assignment. Squared 2-norms throughout; numbers are rounded to five digits.
 */
export interface SensitivityTable {
  readonly version: 1;
  readonly reference: Reference;
  readonly nearest: NearestModel;
  /** Probability of the quantile. */
  readonly probability: number;
  readonly passes: number;
  readonly seed: number;
  readonly sites: readonly TableSite[];
  /** Names of the kinks that can switch, in the order of their columns. */
  readonly kinks: readonly string[];
  readonly batches: readonly BatchTable[];
  /** `√max(‖g‖², tr Σ/B)` over the probe batches, for `gradient` and each `gradient:NAME`; absent with fewer than two batches. */
  readonly noiseFloor: Readonly<Record<Quantity, number>>;
}

export interface TableSite {
  readonly site: string;
  /** Names of the formats (`formatName`) that were measured, in the order of the columns. */
  readonly levels: readonly string[];
  /** The level that the program was measured at, the reference of all ratios r; undefined if it is not among the levels. */
  readonly planned: string;
}

export interface BatchTable {
  readonly batch: string;
  readonly quantities: Readonly<Record<Quantity, QuantityTable>>;
  /** `[kink][site][level]`: the share of τ² that a site's level causes; at the planned formats τ² is `reference`. */
  readonly forward: readonly { readonly reference: number; readonly sites: readonly (readonly number[])[] }[];
}

export interface QuantityTable {
  readonly norm: number;
  /** Predicted at the planned formats: root mean square, and quantile ÷ root mean square. */
  readonly rms: number;
  readonly quantileFactor: number;
  /** `[site][level]`: the variance that the site's rounding alone causes, first order. */
  readonly sites: readonly (readonly number[])[];
  /** `[kink]`: the variance that its switches cause at r = 2^k for the k of {@link CURVE}. */
  readonly switches: readonly (readonly number[])[];
  /** Inner products of the biases: row 0 that of all forward remainders, then one of each kink's backward switches. */
  readonly bias: readonly (readonly number[])[];
  /** `[kink]`: on {@link CURVE}, squares that the backward and the forward bias grow like. */
  readonly backward: readonly (readonly number[])[];
  readonly forward: readonly (readonly number[])[];
}

/** Exponents k at which curves over r = τ / τ(reference) = 2^k are stored. */
export const CURVE: readonly number[] = Array.from({ length: 25 }, (_, i) => i - 12);

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
 * that E never falls when a site's variance grows.
 */
export function modelErrors(
  table: SensitivityTable,
  quantity: Quantity,
  assignment: LevelAssignment,
): readonly ModelError[] {
  const columns = table.sites.map(({ site, levels }) => columnOf(site, levels, assignment.get(site)));
  const sum = (rows: readonly (readonly number[])[]) =>
    rows.reduce((total, row, i) => total + ((columns[i] ?? -1) < 0 ? 0 : (row[columns[i] ?? 0] ?? 0)), 0);
  return table.batches.map(({ batch, quantities, forward }) => {
    const entry = quantities[quantity];
    if (!entry) throw new Error(`the table has no quantity '${quantity}'`);
    const ratios = forward.map(({ reference, sites }) =>
      reference > 0 ? Math.sqrt(sum(sites) / reference) : 0,
    );
    const additive = sum(entry.sites);
    const switching = entry.switches.reduce(
      (total, curve, l) => total + interpolate(curve, ratios[l] ?? 0),
      0,
    );
    const scales = [
      growth(entry.forward, ratios),
      ...entry.backward.map((curve, l) => growth([curve], [ratios[l] ?? 0])),
    ];
    const bias = entry.bias.reduce(
      (total, row, i) =>
        row.reduce((part, x, j) => part + Math.max(0, x) * (scales[i] ?? 0) * (scales[j] ?? 0), total),
      0,
    );
    const expected = additive + switching + bias;
    const rms = Math.sqrt(expected);
    return { batch, expected, additive, rms, quantile: rms * entry.quantileFactor, norm: entry.norm };
  });
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
 * The additive lower part as a table for an exact allocator: for each batch `Σ_s weights[s][level] ≤ 1` is necessary for a
 * p-quantile within the tolerance (as far as the quantile is the planned formats' multiple of the root mean square).
 */
export function additiveRequirement(
  table: SensitivityTable,
  quantity: Quantity,
  tolerance: number,
  relativeTo: Denominator,
): readonly { readonly batch: string; readonly weights: readonly (readonly number[])[] }[] {
  return table.batches.map(({ batch, quantities }) => {
    const entry = quantities[quantity];
    if (!entry) throw new Error(`the table has no quantity '${quantity}'`);
    const limit = (tolerance * denominatorOf(table, quantity, entry.norm, relativeTo)) / entry.quantileFactor;
    return { batch, weights: entry.sites.map((row) => row.map((v) => v / (limit * limit))) };
  });
}

function denominatorOf(
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
