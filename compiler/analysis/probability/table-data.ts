import type { NearestModel, Quantity, Reference } from './contract.ts';

/**
 * Sensitivities of one step to every level of every site, as plain data: what {@link modelError} needs to estimate the error
 * of any assignment. Squared 2-norms throughout; numbers are rounded to 17 significant bits.
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
  /**
   * Of `update` alone: its squared error on {@link CURVE} over the ratio of the gradient's error to that at the planned formats. `sites`
   * then holds the variances of stored parameters, and there are no kinks.
   */
  readonly ofGradient?: readonly number[];
}

/** Exponents k at which curves over r = τ / τ(reference) = 2^k are stored. */
export const CURVE: readonly number[] = Array.from({ length: 25 }, (_, i) => i - 12);
