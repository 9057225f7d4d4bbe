import type { Variable } from './model.ts';
import type { AllocationSite, Contribution } from './problem.ts';

/** Width of each site. */
export type Bits = ReadonlyMap<AllocationSite, number>;

/** The widths of the variables' sites. */
export function bitsOf(variables: readonly Variable[], bits: readonly number[]): Bits {
  return new Map(variables.flatMap(({ sites }, index) => sites.map((site) => [site, bits[index] ?? 0])));
}

/** The value of one contribution at an assignment. */
export function valueAt({ sites, values }: Contribution, bits: Bits): number {
  const index = sites.reduce(
    (i, site) => i * site.levels.length + site.levels.indexOf(bits.get(site) ?? 0),
    0,
  );
  return values[index] ?? 0;
}

/** The float64 sum of contributions at an assignment, in their order. */
export function total(contributions: readonly Contribution[], bits: Bits): number {
  return contributions.reduce((sum, contribution) => sum + valueAt(contribution, bits), 0);
}
