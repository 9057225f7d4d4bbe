import type { CheckedSpec, Requirement } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';
import { measuredRequirements } from '../../lower/levels.ts';

/** Requirements that formats cannot be derived from: measured sensitivities speak of 2-norms and of quantiles. */
export function validateRequirements(spec: CheckedSpec): readonly Diagnostic[] {
  return measuredRequirements(spec).flatMap((requirement) => {
    const found = problemOf(requirement);
    if (found === undefined) return [];
    const { reason, hint } = found;
    return [diagnostic('QS5013', requirement.span, { quantity: requirement.quantity, reason }, { hint })];
  });
}

function problemOf({
  norm,
  relativeTo,
  quantity,
}: Requirement): { readonly reason: string; readonly hint: string } | undefined {
  if (norm !== 'l2') return { reason: `it is in the norm ${norm}`, hint: 'state it in norm: l2' };
  if (relativeTo === 'noise_floor' && !quantity.endsWith('gradient')) {
    return {
      reason: `the noise floor is one of gradients, not of ${quantity}`,
      hint: 'state it relative to: norm, or to a number',
    };
  }
  return undefined;
}
