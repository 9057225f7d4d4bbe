import type { CheckedSpec, Optimizer } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';
import { stateSlots } from '../../lower/optimizer.ts';
import type { FormatPlan } from '../../lower/plan.ts';
import { formatBound } from '../../numeric/bound/decimal.ts';
import { fromNumber } from '../../numeric/bound.ts';
import { codeRange, type Element, formatName } from '../../numeric/format.ts';
import { type Finding, perAnnotation } from './finding.ts';

/**
 * Averages that stop before they reach 0: `β·v` rounded to nearest is v again where `(1 − β)·v` is below half a step. A float's half step
 * is up to `2^−(m+1)` of the value; an integer's at least `½/codes` of the largest, and the scale follows that one alone.
 */
export function deadDecays(spec: CheckedSpec, plan: FormatPlan): readonly Diagnostic[] {
  const { optimizer } = spec.train;
  const slots = stateSlots(optimizer);
  const findings = [...plan.sites.values()].flatMap(
    ({ site, format, span: annotated }): readonly Finding[] => {
      const slot = slots.find((name) => site.kind.endsWith(`.${name}`));
      const decay = slot === undefined ? undefined : decayOf(optimizer, slot);
      const half = halfStep(format.element);
      if (decay === undefined || half === undefined || format.rounding !== 'nearest' || decay >= half)
        return [];
      const span = annotated ?? spec.train.spans.U;
      const report = (sites: string): Diagnostic =>
        diagnostic(
          'QS4107',
          span,
          {
            site: sites,
            format: formatName(format),
            decay: String(decay),
            half: formatBound(fromNumber(half)),
            of: format.element.kind === 'int' ? 'the largest' : 'it',
          },
          {
            related: [
              { span: spec.train.spans.U, message: `each step keeps ${rounded(1 - decay)} of the average` },
            ],
            hint: `rounding stochastically decays on average; to nearest it takes ${enough(format.element, decay)}`,
          },
        );
      return [{ site: site.name, span, report }];
    },
  );
  return perAnnotation(findings);
}

function decayOf(optimizer: Optimizer, slot: 'm' | 'v'): number | undefined {
  switch (optimizer.kind) {
    case 'sgd':
      return undefined;
    case 'momentum':
      return rounded(1 - optimizer.momentum);
    case 'adam':
    case 'adamw':
      return rounded(1 - (slot === 'm' ? optimizer.beta1 : optimizer.beta2));
  }
}

/** `1 − 0.999` as 0.001. */
function rounded(x: number): number {
  return Number(x.toPrecision(12));
}

function halfStep(element: Element): number | undefined {
  if (element.kind === 'f32') return undefined;
  return element.kind === 'int' ? 0.5 / codeRange(element).max : 2 ** -(element.mantissa + 1);
}

function enough(element: Element, decay: number): string {
  if (element.kind !== 'int') return `${Math.ceil(-Math.log2(decay)) - 1} bits of mantissa`;
  const bits = Math.ceil(Math.log2(0.5 / decay + 1)) + (element.signed ? 1 : 0);
  return bits <= 16 ? `${element.signed ? 'int' : 'uint'}${bits}` : 'a float format';
}
