import type { CheckedSpec } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { isQuantizer, siteName } from '../../ir/quantizers.ts';
import type { FormatPlan, PlannedSite } from '../../lower/plan.ts';
import { formatBound } from '../../numeric/bound/decimal.ts';
import { type Bound, compare, fromNumber, isUnbounded } from '../../numeric/bound.ts';
import { elementName, type FloatElement, maxFinite } from '../../numeric/format.ts';
import { magnitude } from '../../ops/bounds/range.ts';
import type { WorstCase } from '../worst-case/index.ts';
import type { PreparedStep } from '../worst-case/pass.ts';
import { type Finding, perAnnotation } from './finding.ts';
import { growthOf } from './growth.ts';

/** A value before a site rounds it, and the largest magnitude that it has in real arithmetic. */
interface Rounded {
  readonly planned: PlannedSite;
  readonly x: Value;
  readonly bound: Bound;
}

/** Formats whose own grid, or whose smoothed scale, may not hold what arrives there. */
export function narrowFormats(
  spec: CheckedSpec,
  plan: FormatPlan,
  { step }: WorstCase,
): readonly Diagnostic[] {
  const largest = new Map<string, Rounded>();
  step.graph.nodes.forEach((node) => {
    const planned = roundedAt(node, plan);
    const x = node.kind === 'op' ? node.operands[0] : undefined;
    const range = step.facts.ranges[x ?? -1];
    if (planned === undefined || x === undefined || range === undefined) return;
    const bound = magnitude(range);
    const known = largest.get(planned.site.name);
    if (known === undefined || compare(bound, known.bound) > 0) {
      largest.set(planned.site.name, { planned, x, bound });
    }
  });
  const found = [...largest.values()].toSorted((a, b) => compare(b.bound, a.bound));
  return [
    ...perAnnotation(found.flatMap((rounded) => overflow(spec, step, rounded))),
    ...perAnnotation(found.flatMap((rounded) => smoothed(spec, step, rounded))),
  ];
}

/** A grid without a scale that is too short. */
function overflow(
  { train }: CheckedSpec,
  step: PreparedStep,
  { planned, x, bound }: Rounded,
): readonly Finding[] {
  const { site, format } = planned;
  const { element, scale } = format;
  if (element.kind !== 'float' || scale.kind !== 'none') return [];
  const limit = maxFinite(element);
  if (isUnbounded(bound) || compare(bound, fromNumber(limit)) <= 0) return [];
  const span = planned.span ?? train.span;
  const report = (sites: string): Diagnostic =>
    diagnostic(
      'QS4103',
      span,
      {
        site: sites,
        format: elementName(element),
        bound: formatBound(bound),
        limit: formatBound(fromNumber(limit), 6),
        effect: element.specials === 'ieee' ? 'becomes infinite' : 'is clipped',
      },
      { related: growthOf(step, x), hint: wideEnough(element, bound) },
    );
  return [{ site: site.name, span, report }];
}

/** A scale that follows the data late. */
function smoothed(
  { train }: CheckedSpec,
  step: PreparedStep,
  { planned, x, bound }: Rounded,
): readonly Finding[] {
  if (planned.format.scale.kind !== 'moving_average') return [];
  const span = planned.span ?? train.span;
  const report = (sites: string): Diagnostic =>
    diagnostic(
      'QS4105',
      span,
      { site: sites, bound: isUnbounded(bound) ? 'without limit' : `up to ${formatBound(bound)}` },
      {
        related: isUnbounded(bound) ? [] : growthOf(step, x),
        hint: "'scale(absmax)' follows each batch and clips nothing while training",
      },
    );
  return [{ site: planned.site.name, span, report }];
}

/** The site at which a node rounds an activation, gradient or stored value. Formats without a site are the engine's float32. */
function roundedAt(node: Node, plan: FormatPlan): PlannedSite | undefined {
  if (node.kind !== 'op' || !isQuantizer(node.op)) return undefined;
  return plan.sites.get(siteName(node.origin.name ?? ''));
}

function wideEnough(element: FloatElement, bound: Bound): string {
  const scaled = `'${elementName(element)} scale(absmax)' follows the data`;
  const bf16 = maxFinite({ kind: 'float', exponent: 8, mantissa: 7, specials: 'ieee' });
  if (compare(bound, fromNumber(bf16)) > 0) return scaled;
  return `${scaled}, and bf16 holds numbers up to ${formatBound(fromNumber(bf16))}`;
}
