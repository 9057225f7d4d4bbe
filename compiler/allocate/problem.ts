/**
 * The allocation problem: one width per site so that an objective is least and every requirement holds, both of them sums
 * of contributions. With bit-operations as the objective and error bounds as requirements it finds the cheapest widths;
 * with sensitivities as the objective and cost budgets as requirements it is the integer program of HAWQ-V3 (Yao et al., "HAWQ-V3:
 * Dyadic Neural Network Quantization", ICML 2021, section 3.4).
 */

/** What gets a width. Sites are told apart by identity; names are for reports. */
export interface AllocationSite {
  readonly name: string;
  /** Widths in bits that the site may take, ascending. */
  readonly levels: readonly number[];
}

/** A term of a sum: a function of the levels of a few sites. */
export interface Contribution {
  /** The site or operation that it is about, for reports. */
  readonly name: string;
  readonly sites: readonly AllocationSite[];
  /** Finite and ≥ 0, in row-major order of the sites' levels: the last site's level varies fastest. */
  readonly values: readonly number[];
}

/** `Σ contributions ≤ bound`, where contributions that no short fraction holds may sum to 2⁻⁴⁹ of the bound more each. */
export interface AllocationRequirement {
  readonly name: string;
  readonly contributions: readonly Contribution[];
  readonly bound: number;
}

/** Bounds on the width of one site, in bits and inclusive. */
export interface WidthLimit {
  readonly site: AllocationSite;
  readonly min: number;
  readonly max: number;
}

export interface AllocationProblem {
  readonly sites: readonly AllocationSite[];
  /** Sets of sites that share one width. */
  readonly ties: readonly (readonly AllocationSite[])[];
  readonly limits: readonly WidthLimit[];
  /** What to minimize; of equal ones the assignment with the smaller sum of bits over all sites is taken. */
  readonly objective: readonly Contribution[];
  readonly requirements: readonly AllocationRequirement[];
}

export type Allocation = Allocated | Infeasible | Undecided;

/**
 * An assignment that meets every requirement. `optimal`: none has a smaller objective, nor the same with fewer bits. `feasible`: the
 * search stopped at its limit, and no assignment is below `lowerBound`. Objectives that differ by less than 2⁻⁴⁷ of the largest
 * per contribution are the same.
 */
export interface Allocated {
  readonly status: 'optimal' | 'feasible';
  readonly bits: ReadonlyMap<AllocationSite, number>;
  readonly objective: number;
  readonly lowerBound: number;
  /** `(objective − lowerBound) / objective`; 0 when optimal. */
  readonly gap: number;
  /** The value of each requirement at this assignment, in their order. */
  readonly values: readonly number[];
}

/** No assignment meets everything that is asked. */
export type Infeasible = NoWidth | Unreachable;

/** Limits and ties leave these sites no common width. */
export interface NoWidth {
  readonly status: 'infeasible';
  readonly reason: 'no width';
  readonly sites: readonly AllocationSite[];
}

/** A requirement is out of reach, by itself or while those in `given` hold. */
export interface Unreachable {
  readonly status: 'infeasible';
  readonly reason: 'requirement';
  readonly requirement: AllocationRequirement;
  readonly given: readonly AllocationRequirement[];
  /** The least value that the requirement can take. Where `proved` is false the search found none below it. */
  readonly best: number;
  readonly proved: boolean;
  /** The assignment that reaches it. */
  readonly bits: ReadonlyMap<AllocationSite, number>;
  /** The largest contributions there, at most three, largest first. */
  readonly contributors: readonly { readonly name: string; readonly value: number }[];
}

/** Neither an assignment nor a proof that there is none. */
export interface Undecided {
  readonly status: 'undecided';
  /** The search met its limit, or contributions and ties couple so many sites at once that their joint levels are too many. */
  readonly reason: 'limit' | 'coupling';
}
