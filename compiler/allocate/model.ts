import type { AllocationProblem, AllocationSite, Contribution, NoWidth } from './problem.ts';

/** Tied sites with the levels that all their limits leave. */
export interface Variable {
  readonly sites: readonly AllocationSite[];
  readonly levels: readonly number[];
}

/** A function of the levels of a few distinct variables, row-major, the last of the scope fastest. */
export interface Term {
  readonly scope: readonly number[];
  readonly values: Float64Array;
}

/** `minimize Σ objective subject to Σ terms ≤ bound`, over one level per variable. */
export interface Model {
  readonly variables: readonly Variable[];
  readonly objective: readonly Term[];
  readonly constraints: readonly { readonly terms: readonly Term[]; readonly bound: number }[];
}

/** The problem over variables: ties merge sites, limits remove levels. */
export function modelOf(problem: AllocationProblem): Model | NoWidth {
  const variables = mergeTies(problem).map((sites) => ({ sites, levels: commonLevels(sites, problem) }));
  const empty = variables.find(({ levels }) => levels.length === 0);
  if (empty) return { status: 'infeasible', reason: 'no width', sites: empty.sites };

  const indexOf = new Map(variables.flatMap(({ sites }, index) => sites.map((site) => [site, index])));
  const terms = (contributions: readonly Contribution[]) =>
    contributions.map((contribution) => termOf(contribution, variables, indexOf));
  return {
    variables,
    objective: terms(problem.objective),
    constraints: problem.requirements.map(({ contributions, bound }) => {
      if (!Number.isFinite(bound)) throw new Error('the bound of a requirement is not finite');
      return { terms: terms(contributions), bound };
    }),
  };
}

/** The sites in classes of the least equivalence that holds every tie, in order of their first site. */
function mergeTies({ sites, ties }: AllocationProblem): AllocationSite[][] {
  const classOf = new Map(sites.map((site) => [site, [site]]));
  for (const tie of ties) {
    const merged = [...new Set(tie.map((site) => known(classOf.get(site))))].flat();
    for (const site of merged) classOf.set(site, merged);
  }
  return [...new Set(classOf.values())];
}

function commonLevels(sites: readonly AllocationSite[], { limits }: AllocationProblem): number[] {
  const [first, ...others] = sites;
  const own = limits.filter(({ site }) => sites.includes(site));
  return (first?.levels ?? []).filter(
    (bits) =>
      others.every(({ levels }) => levels.includes(bits)) &&
      own.every(({ min, max }) => min <= bits && bits <= max),
  );
}

function termOf(
  { name, sites, values }: Contribution,
  variables: readonly Variable[],
  indexOf: ReadonlyMap<AllocationSite, number>,
): Term {
  if (sites.length === 0) throw new Error(`the contribution of ${name} is of no site`);
  if (values.length !== sites.reduce((size, { levels }) => size * levels.length, 1))
    throw new Error(`the contribution of ${name} has ${values.length} values`);
  if (values.some((value) => !(value >= 0 && value < Infinity)))
    throw new Error(`the contribution of ${name} has a value that is negative or not finite`);
  const positions = sites.map((site) => known(indexOf.get(site)));
  const scope = [...new Set(positions)];
  const scoped = scope.map((index) => known(variables[index]));
  const table = new Float64Array(scoped.reduce((size, { levels }) => size * levels.length, 1));
  for (let i = 0; i < table.length; i++) {
    const bits = levelsAt(i, scoped);
    let index = 0;
    sites.forEach((site, k) => {
      const b = known(bits[scope.indexOf(known(positions[k]))]);
      index = index * site.levels.length + site.levels.indexOf(b);
    });
    table[i] = known(values[index]);
  }
  return { scope, values: table };
}

/** The widths that row-major index i of a table over these variables stands for. */
function levelsAt(i: number, variables: readonly Variable[]): number[] {
  const bits: number[] = [];
  let rest = i;
  for (const { levels } of variables.toReversed()) {
    bits.unshift(known(levels[rest % levels.length]));
    rest = Math.floor(rest / levels.length);
  }
  return bits;
}

/** What lookups of the problem's own sites give. */
function known<T>(value: T | undefined): T {
  if (value === undefined)
    throw new Error('a contribution, tie or limit names a site that the problem lacks');
  return value;
}
