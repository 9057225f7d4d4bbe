import type { CheckedSpec } from '../../check/checked-spec.ts';
import { type AutoSite, autoSites, levelsOf, type SiteLevel } from '../../lower/levels.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { formatName } from '../../numeric/format.ts';
import type { AllocationSite, Contribution } from '../problem.ts';
import { costOf } from './operations.ts';

/** A group of tied sites with one width. */
export interface Choice {
  readonly sites: readonly AutoSite[];
  /** Widths that all of them may take, ascending. */
  readonly widths: readonly number[];
}

/** Width of each choice, as an index into its widths. */
export type Widths = readonly number[];

/** What is to be chosen, and what it costs. */
export interface Choices {
  readonly choices: readonly Choice[];
  /** Format names of the sites that are no choice: they cost what they cost. */
  readonly written: ReadonlyMap<string, string>;
  /** The format of each site at each width. */
  readonly formats: ReadonlyMap<string, ReadonlyMap<number, SiteLevel['format']>>;
  readonly objective: readonly Contribution[];
  /** The allocation site that stands for each choice in the objective. */
  readonly variables: readonly AllocationSite[];
}

/** The choices that a spec leaves open, and what they cost in a step. */
export function choicesOf(spec: CheckedSpec, program: TrainingProgram): Choices {
  const sites = autoSites(spec);
  const levels = new Map(sites.map((site) => [site.name, levelsOf(spec, site)]));
  const choices = tied(sites, spec).map((group): Choice => {
    const [first, ...others] = group.map(({ name }) => levels.get(name)?.map(({ bits }) => bits) ?? []);
    return { sites: group, widths: (first ?? []).filter((b) => others.every((other) => other.includes(b))) };
  });
  const variables = choices.map(({ sites: group, widths }) => ({
    name: group.map(({ name }) => name).join(' = '),
    levels: widths,
  }));
  const standIn = new Map(
    choices.flatMap(({ sites: group }, i) => {
      const variable = variables[i];
      return variable === undefined ? [] : group.map(({ name }) => [name, variable] as const);
    }),
  );
  return {
    choices,
    written: new Map(
      spec.precision.sites.flatMap(({ name, choice }) =>
        choice.kind === 'auto' ? [] : [[name, formatName(choice.format)] as const],
      ),
    ),
    formats: new Map(
      [...levels].map(([name, list]) => [name, new Map(list.map(({ bits, format }) => [bits, format]))]),
    ),
    objective: costOf(spec, program, standIn),
    variables,
  };
}

/** Sites in classes of their ties, each class once. */
function tied(sites: readonly AutoSite[], spec: CheckedSpec): readonly (readonly AutoSite[])[] {
  const groups = new Map(sites.map((site) => [site.name, [site]]));
  for (const { sites: names } of spec.precision.ties) {
    const merged = [...new Set(names.flatMap((name) => groups.get(name) ?? []))];
    for (const { name } of merged) groups.set(name, merged);
  }
  return [...new Set(groups.values())];
}

/** The format name of every site at an assignment, as tables have them. */
export function levelNames(problem: Choices, widths: Widths): ReadonlyMap<string, string> {
  return new Map([
    ...problem.written,
    ...problem.choices.flatMap(({ sites, widths: all }, i) =>
      sites.map(({ name }) => {
        const format = problem.formats.get(name)?.get(all[widths[i] ?? 0] ?? 0);
        if (format === undefined) throw new Error(`${name} has no format of that width`);
        return [name, formatName(format)] as const;
      }),
    ),
  ]);
}
