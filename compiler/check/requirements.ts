import type { RequireStatement } from '../syntax/ast.ts';
import { bind, evaluateAll, MISMATCH, optional, type ParameterType, readAs, required } from './arguments.ts';
import type { Requirement, SiteKind } from './checked-spec.ts';
import { constantScope, evaluate } from './constants.ts';
import type { Log } from './log.ts';
import { POSITIVE, real, word } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';

const DENOMINATORS = word(['norm', 'noise_floor']);

const RELATIVE_TO: ParameterType<Requirement['relativeTo']> = {
  expected: 'norm, noise_floor or a number above 0',
  words: ['norm', 'noise_floor'],
  read: (value, log) => {
    if (value.kind === 'word') return DENOMINATORS.read(value, log);
    const declared = POSITIVE.read(value, log);
    return typeof declared === 'number' ? { declared } : declared === MISMATCH ? MISMATCH : undefined;
  },
};

const ARGUMENTS = {
  of: required(word(['gradient', 'each gradient', 'logits', 'loss', 'update'])),
  norm: optional(word(['l2', 'linf']), 'l2'),
  'relative to': optional(RELATIVE_TO, 'norm'),
  reference: optional(word(['real', 'quantized_point']), 'real'),
};

/** `require error(gradient, norm: l2) <= 10% with probability 0.99` */
export function checkRequirement(statement: RequireStatement, log: Log): Requirement | undefined {
  const { callee, args, span } = statement.quantity;
  const scope = constantScope(log);
  if (callee.text !== 'error') return reportUnknown(log, 'requirement', callee, ['error']);
  const settings = bind({ name: 'error', span }, evaluateAll(args, scope), ARGUMENTS, log);
  const boundValue = evaluate(statement.bound, scope);
  const bound = boundValue && readAs(POSITIVE, boundValue, 'the bound', log);
  const probabilityValue = statement.probability && evaluate(statement.probability, scope);
  const between = real({ min: 0, max: 1, openMin: true, openMax: true });
  const probability = probabilityValue && readAs(between, probabilityValue, 'the probability', log);
  if (
    settings === undefined ||
    bound === undefined ||
    (statement.probability !== undefined && probability === undefined)
  )
    return undefined;
  return {
    quantity: settings.of,
    norm: settings.norm,
    relativeTo: settings['relative to'],
    reference: settings.reference,
    bound,
    probability,
    span: statement.span,
  };
}

type Phase = 'F' | 'B' | 'U';

function phaseOf(kind: SiteKind): Phase {
  if (/\.(stored|m|v)$/.test(kind)) return 'U';
  return /grad$/.test(kind) ? 'B' : 'F';
}

/**
 * Whether rounding at a site can change what the requirement bounds. Logits and loss come from F alone; stored parameters enter the
 * update and no gradient of this step, stored moments only the next step's; at the quantized point F is exact by definition.
 */
export function reaches(requirement: Pick<Requirement, 'quantity' | 'reference'>, kind: SiteKind): boolean {
  const phase = phaseOf(kind);
  if (requirement.quantity === 'logits' || requirement.quantity === 'loss') return phase === 'F';
  if (phase === 'U') return requirement.quantity === 'update' && kind.endsWith('.stored');
  return phase === 'B' || requirement.reference === 'real';
}
