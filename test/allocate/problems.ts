import fc from 'fast-check';
import { bitOperations, bops, bytes } from '../../compiler/allocate/cost.ts';
import type {
  AllocationProblem,
  AllocationRequirement,
  AllocationSite,
  Contribution,
} from '../../compiler/allocate/problem.ts';

/** An assignment as one width per site, in the order of the problem's sites. */
export type Widths = readonly number[];

/** Widths of an allocation in the order of the problem's sites. */
export function widthsOf(problem: AllocationProblem, bits: ReadonlyMap<AllocationSite, number>): Widths {
  return problem.sites.map((site) => bits.get(site) ?? Number.NaN);
}

/** Every assignment that the levels, ties and limits admit. */
export function admitted({ sites, ties, limits }: AllocationProblem): Widths[] {
  let all: Widths[] = [[]];
  for (const { levels } of sites) all = all.flatMap((widths) => levels.map((bits) => [...widths, bits]));
  return all.filter((widths) => {
    const width = (site: AllocationSite) => widths[sites.indexOf(site)] ?? Number.NaN;
    return (
      ties.every((tie) => new Set(tie.map(width)).size <= 1) &&
      limits.every(({ site, min, max }) => min <= width(site) && width(site) <= max)
    );
  });
}

/** The sum of contributions, found by looking each one up. */
export function sumAt(
  contributions: readonly Contribution[],
  { sites }: AllocationProblem,
  widths: Widths,
): number {
  let sum = 0;
  for (const contribution of contributions) {
    let index = 0;
    for (const site of contribution.sites)
      index = index * site.levels.length + site.levels.indexOf(widths[sites.indexOf(site)] ?? Number.NaN);
    sum += contribution.values[index] ?? Number.NaN;
  }
  return sum;
}

export const totalBits = (widths: Widths) => widths.reduce((sum, bits) => sum + bits, 0);

export interface Best {
  readonly objective: number;
  readonly bits: number;
}

/** The least objective and then the fewest bits over all assignments that meet the requirements. */
export function bruteForce(problem: AllocationProblem): Best | undefined {
  let best: Best | undefined;
  for (const widths of admitted(problem)) {
    if (
      problem.requirements.some(({ contributions, bound }) => sumAt(contributions, problem, widths) > bound)
    )
      continue;
    const objective = sumAt(problem.objective, problem, widths);
    const bits = totalBits(widths);
    if (!best || objective < best.objective || (objective === best.objective && bits < best.bits))
      best = { objective, bits };
  }
  return best;
}

type CostKind = 'bit_operations' | 'bops' | 'bytes' | 'table';
const COST_KINDS: readonly CostKind[] = ['bit_operations', 'bops', 'bytes', 'table'];
const WIDTHS = [2, 4, 8, 16];

/** Integers summed in float64 are exact, so that brute force and the allocator must agree to the last digit. */
const integer = fc.integer({ min: 0, max: 60 });

/** Up to five sites of up to three levels, every kind of cost, ties, limits, and requirements of one or two sites a term. */
export const problems: fc.Arbitrary<AllocationProblem> = fc
  .record({
    levels: fc.array(fc.subarray(WIDTHS, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
    kind: fc.constantFrom(...COST_KINDS),
  })
  .chain(({ levels, kind }) => {
    const sites = levels.map((own, i): AllocationSite => ({ name: `s${i}`, levels: own }));
    const site = fc.constantFrom(...sites);
    const operands = fc.array(site, { minLength: 1, maxLength: 3 });
    const contribution = fc
      .tuple(
        fc.oneof(
          site.map((one) => [one]),
          fc.tuple(site, site),
        ),
        fc.array(integer, { minLength: 9, maxLength: 9 }),
      )
      .map(([scope, values]): Contribution => {
        const size = scope.reduce((product, { levels: own }) => product * own.length, 1);
        return { name: scope.map(({ name }) => name).join(' '), sites: scope, values: values.slice(0, size) };
      });
    const requirement = fc.tuple(fc.array(contribution, { maxLength: 6 }), fc.integer({ min: 0, max: 150 }));
    const operations = fc.array(fc.tuple(integer, operands), { minLength: 1, maxLength: 5 });
    const objective: fc.Arbitrary<Contribution[]> =
      kind === 'table'
        ? fc.array(contribution, { minLength: 1, maxLength: 6 })
        : operations.map((list) => costOf(kind, list));
    return fc.record({
      sites: fc.constant(sites),
      ties: fc.array(fc.subarray(sites), {
        maxLength: 1,
      }),
      limits: fc.array(fc.record({ site, min: fc.constantFrom(0, 3, 4), max: fc.constantFrom(4, 8, 16) }), {
        maxLength: 2,
      }),
      objective,
      requirements: fc
        .array(requirement, { maxLength: 3 })
        .map((list) =>
          list.map(
            ([contributions, bound], r): AllocationRequirement => ({ name: `r${r}`, contributions, bound }),
          ),
        ),
    });
  });

function costOf(
  kind: Exclude<CostKind, 'table'>,
  list: readonly (readonly [number, readonly AllocationSite[]])[],
): Contribution[] {
  const named = list.map(([macs, operands], i) => ({ name: `op${i}`, macs, operands }));
  if (kind === 'bit_operations') return bitOperations(named);
  if (kind === 'bops') return bops(named);
  return bytes(
    named.flatMap(({ name, macs, operands }) => operands.map((site) => ({ name, elements: macs, site }))),
  );
}
