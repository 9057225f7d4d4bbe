import type { CheckedSpec, Requirement } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';
import type { Value } from '../../ir/graph.ts';
import { formatBound } from '../../numeric/bound/decimal.ts';
import {
  type Bound,
  compare,
  fromNumber,
  isUnbounded,
  max,
  multiplyDown,
  ZERO,
} from '../../numeric/bound.ts';
import {
  type BoundedQuantity,
  contributionsOf,
  type Reference,
  type WorstCase,
} from '../worst-case/index.ts';

/** What the worst case says of a requirement that names no probability. */
export interface RequirementBound {
  readonly requirement: Requirement;
  /** The largest error that is possible, in the requirement's norm: of logits, of one sample. */
  readonly error: Bound;
  /** What is allowed, rounded down. */
  readonly allowed: Bound;
  readonly met: boolean;
}

/** Requirements that ask for the worst case: those without a probability. */
export function worstCaseRequirements({ precision }: CheckedSpec): readonly Requirement[] {
  return precision.requirements.filter(({ probability }) => probability === undefined);
}

/** References that those requirements name. */
export function worstCaseReferences(spec: CheckedSpec): readonly Reference[] {
  return [...new Set(worstCaseRequirements(spec).map(({ reference }) => reference))];
}

/** Requirements that no worst case can be held against: relative to what the text does not bound from below. */
export function unprovable(spec: CheckedSpec): readonly Diagnostic[] {
  return worstCaseRequirements(spec).flatMap(({ quantity, relativeTo, reference, span }) => {
    if (typeof relativeTo !== 'object') {
      const hint = "state it relative to a number, 'relative to: 1', or add 'with probability 0.99'";
      return [diagnostic('QS5014', span, { quantity, denominator: DENOMINATORS[relativeTo] }, { hint })];
    }
    if (reference === 'quantized_point' && (quantity === 'logits' || quantity === 'loss')) {
      return [diagnostic('QS5016', span, { quantity }, { hint: "leave 'reference' out" })];
    }
    return [];
  });
}

const DENOMINATORS = {
  norm: 'the norm of what is computed',
  noise_floor: 'the noise of minibatches',
} as const;

/** Every requirement that names no probability, held against the bounds of a step. They must be provable, see {@link unprovable}. */
export function requirementBounds(
  spec: CheckedSpec,
  quantities: readonly BoundedQuantity[],
): readonly RequirementBound[] {
  return worstCaseRequirements(spec).map((requirement) => {
    const { relativeTo, bound, norm } = requirement;
    const declared = typeof relativeTo === 'object' ? relativeTo.declared : Number.NaN;
    const allowed = multiplyDown(fromNumber(bound), fromNumber(declared));
    const error = quantitiesOf(requirement, quantities)
      .map((q) => (norm === 'linf' ? q.error.inf : q.error.two))
      .reduce(max, ZERO);
    return { requirement, error, allowed, met: compare(error, allowed) <= 0 };
  });
}

function quantitiesOf(
  { quantity, reference }: Requirement,
  quantities: readonly BoundedQuantity[],
): readonly BoundedQuantity[] {
  const found = quantities.filter(
    ({ name, reference: r }) =>
      r === reference && (quantity === 'each gradient' ? name.endsWith('.grad') : name === quantity),
  );
  if (found.length === 0) throw new Error(`'${quantity}' was not analysed against '${reference}'`);
  return found;
}

/** An error for each requirement that the worst case does not meet, with what most of the bound comes from and what would hold. */
export function proveRequirements(spec: CheckedSpec, worst: WorstCase): readonly Diagnostic[] {
  const refused = unprovable(spec);
  if (refused.length > 0) return refused;
  return requirementBounds(spec, worst.quantities).flatMap(({ requirement, error, allowed, met }) => {
    if (met) return [];
    const { quantity, norm, span } = requirement;
    const most = contributors(worst, requirement);
    const parameters = {
      quantity,
      norm: norm === 'linf' ? '∞-norm' : '2-norm',
      error: isUnbounded(error) ? 'have no bound' : `reach ${formatBound(error)}`,
      allowed: formatBound(allowed),
      contributors: most.length === 0 ? '' : `, most of it from ${most.join(', ')}`,
    };
    const hint = isUnbounded(error)
      ? 'qspec check names what the text leaves open'
      : `require ${formatBound(error)} or more, give what is named more bits, or add 'with probability 0.99' for what happens on data`;
    return [diagnostic('QS5015', span, parameters, { hint })];
  });
}

/** The sources of the three largest shares of a bound, to first order in the 2-norm. */
export function contributors(worst: WorstCase, requirement: Requirement): readonly string[] {
  const named = { quantizer: 'rounding of ', switches: 'switches of ', float32: '' } as const;
  const all = contributionsOf(worst.step, targetsOf(requirement, worst));
  return all.slice(0, 3).map(({ kind, name }) => `${named[kind]}${name}`);
}

/** The values of a step whose errors a requirement is about. */
export function targetsOf(
  { quantity }: Pick<Requirement, 'quantity'>,
  { step }: WorstCase,
): readonly Value[] {
  const parameters = new Set(
    step.graph.outputs
      .filter(({ name }) => name.endsWith('.grad'))
      .map(({ name }) => name.slice(0, -'.grad'.length)),
  );
  const counts = (name: string): boolean => {
    if (quantity === 'logits') return /^logits(#|$)/.test(name);
    if (quantity === 'loss') return name === 'loss';
    return quantity === 'update' ? parameters.has(name) : name.endsWith('.grad');
  };
  return step.graph.outputs.filter(({ name }) => counts(name)).map(({ value }) => value);
}
