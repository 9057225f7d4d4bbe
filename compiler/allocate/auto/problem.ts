import type { Quantity, Reference } from '../../analysis/probability/index.ts';
import {
  type Denominator,
  denominatorOf,
  type ModelError,
  modelErrors,
  type SensitivityTable,
} from '../../analysis/probability/table.ts';
import type { CheckedSpec, Requirement } from '../../check/checked-spec.ts';
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

/** A requirement with the table that says what an assignment makes of it. */
export interface ModelledRequirement {
  readonly requirement: Requirement;
  readonly table: SensitivityTable;
  /** `gradient`, or each `gradient:NAME`. */
  readonly quantity: Quantity;
  readonly denominator: Denominator;
  /** What the quantile may be in units of the denominator. */
  readonly tolerance: number;
}

/** Everything that allocation needs, in numbers. */
export interface AutoProblem {
  readonly choices: readonly Choice[];
  /** Format names of the sites that are no choice: they cost what they cost. */
  readonly written: ReadonlyMap<string, string>;
  /** The format of each site at each width. */
  readonly formats: ReadonlyMap<string, ReadonlyMap<number, SiteLevel['format']>>;
  readonly requirements: readonly ModelledRequirement[];
  readonly objective: readonly Contribution[];
  /** The allocation site that stands for each choice in the objective. */
  readonly variables: readonly AllocationSite[];
}

export type Tables = ReadonlyMap<Reference, SensitivityTable>;

/** The problem that a spec poses, given what was measured. @throws where a table lacks what the spec asks for */
export function autoProblem(spec: CheckedSpec, program: TrainingProgram, tables: Tables): AutoProblem {
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
    requirements: spec.precision.requirements.flatMap((requirement) => modelled(requirement, tables)),
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

function modelled(requirement: Requirement, tables: Tables): readonly ModelledRequirement[] {
  const table = tables.get(requirement.reference);
  if (table === undefined) throw new Error(`nothing was measured against '${requirement.reference}'`);
  const { relativeTo, bound } = requirement;
  const declared = typeof relativeTo === 'object' ? relativeTo.declared : undefined;
  const denominator: Denominator = typeof relativeTo === 'object' ? 'absolute' : relativeTo;
  const tolerance = bound * (declared ?? 1);
  return quantitiesOf(requirement, table).map((quantity) => ({
    requirement,
    table,
    quantity,
    denominator,
    tolerance,
  }));
}

function quantitiesOf({ quantity }: Requirement, table: SensitivityTable): readonly Quantity[] {
  if (quantity !== 'each gradient') return [quantity];
  const measured = Object.keys(table.batches[0]?.quantities ?? {});
  return measured.filter((name) => name.startsWith('gradient:'));
}

/** The format name of every site at an assignment, as tables have them. */
export function levelNames(problem: AutoProblem, widths: Widths): ReadonlyMap<string, string> {
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

/** Model errors on every batch, the denominator of each, and the largest quantile as a share of what is allowed. */
export interface RequirementValue {
  readonly errors: readonly ModelError[];
  /** quantile ÷ (tolerance · denominator), the largest over the batches; met where it is at most 1. */
  readonly share: number;
}

export function shareOfRequirement(
  { table, quantity, denominator, tolerance }: ModelledRequirement,
  names: ReadonlyMap<string, string>,
): RequirementValue {
  const errors = modelErrors(table, quantity, names);
  const share = errors.reduce(
    (most, error) =>
      Math.max(most, error.quantile / (tolerance * denominatorOf(table, quantity, error.norm, denominator))),
    0,
  );
  return { errors, share };
}
