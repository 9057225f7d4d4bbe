import type { Quantity, Reference } from '../../analysis/probability/index.ts';
import {
  type Denominator,
  denominatorOf,
  type ModelError,
  modelErrors,
  type SensitivityTable,
} from '../../analysis/probability/table.ts';
import type { CheckedSpec, Requirement } from '../../check/checked-spec.ts';
import { measuredRequirements } from '../../lower/levels.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { type Choices, choicesOf } from './choices.ts';

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

/** Everything that allocation from measurements needs, in numbers. */
export interface AutoProblem extends Choices {
  readonly requirements: readonly ModelledRequirement[];
}

export type Tables = ReadonlyMap<Reference, SensitivityTable>;

/** The problem that a spec poses, given what was measured. @throws where a table lacks what the spec asks for */
export function autoProblem(spec: CheckedSpec, program: TrainingProgram, tables: Tables): AutoProblem {
  return {
    ...choicesOf(spec, program),
    requirements: measuredRequirements(spec).flatMap((requirement) => modelled(requirement, tables)),
  };
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
