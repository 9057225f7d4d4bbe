import { elementBits, F32, formatName } from '../numeric/format.ts';
import type { Annotations, BoundAnnotation, FormatAnnotation } from './annotations.ts';
import type { BitsLimit, Requirement, SiteChoice, SiteKind } from './checked-spec.ts';
import { toFormat } from './formats.ts';
import type { Log } from './log.ts';
import type { Preset } from './presets.ts';
import { reaches } from './requirements.ts';
import { RANK } from './site-patterns.ts';
import { fitGranularity, fitSign, validatePlace } from './site-rules.ts';
import type { SiteDraft } from './sites.ts';

/** Everything in the precision section that has a say in a site's format. */
export interface Influences {
  readonly annotations: Annotations;
  readonly annotated: AnnotatedChoices;
  readonly preset: { readonly name: string; readonly preset: Preset } | undefined;
  readonly requirements: readonly Requirement[];
  readonly scheduled: boolean;
  /** Whether the spec has a precision section at all. */
  readonly written: boolean;
  /** Whether a layer is the first or last product of the model. */
  readonly isEdge: (site: SiteDraft) => boolean;
}

const WIDEST: BitsLimit = { min: 2, max: 32 };

/** The format of a site, or that it is to be derived; undefined after reporting that neither can be. */
export function choose(site: SiteDraft, influences: Influences, log: Log): SiteChoice | undefined {
  const { annotations, preset } = influences;
  const annotation = annotations.formats.get(site);
  const bounds = annotations.bounds.get(site) ?? [];
  if (annotation !== undefined && annotation.template.element !== 'auto') {
    const choice = influences.annotated.of(site, annotation, log);
    return choice && withinBounds(site, choice, bounds, log);
  }
  const format = preset?.preset.formatOf(site.kind, influences.isEdge(site));
  if (preset !== undefined && format !== undefined) {
    const fitted = fitSign(site, format.element, RANK.preset, false);
    if (fitted === 'cannot hold') throw new Error('a preset gives an unsigned format');
    const why = [`preset '${preset.name}'`, fitted.why].filter((part) => part !== undefined).join('; ');
    return withinBounds(
      site,
      { kind: 'format', format: { ...format, element: fitted.element }, why, span: undefined },
      bounds,
      log,
    );
  }
  return derived(site, annotation, bounds, influences, log);
}

type FixedChoice = Extract<SiteChoice, { kind: 'format' }>;

/**
 * What annotations choose, one object for all sites of a kind and sign that one annotation names: a model of 10,000 layers has
 * 100,000 sites and a dozen different choices.
 */
export class AnnotatedChoices {
  readonly #known = {
    signed: new Map<FormatAnnotation, ByKind>(),
    nonNegative: new Map<FormatAnnotation, ByKind>(),
  };

  of(site: SiteDraft, annotation: FormatAnnotation, log: Log): FixedChoice | undefined {
    const known = this.#known[site.nonNegative ? 'nonNegative' : 'signed'];
    const byKind = known.get(annotation) ?? new Map<SiteKind, FixedChoice>();
    known.set(annotation, byKind);
    const choice = byKind.get(site.kind) ?? annotated(site, annotation, log);
    if (choice !== undefined) byKind.set(site.kind, choice);
    return choice;
  }
}

type ByKind = Map<SiteKind, FixedChoice>;

function annotated(
  site: SiteDraft,
  { template, rank, text, span }: FormatAnnotation,
  log: Log,
): FixedChoice | undefined {
  const placed = fitGranularity(site, template.granularity, rank);
  const fitting = { ...template, granularity: placed.granularity };
  const format = toFormat(fitting);
  if (format === undefined || !validatePlace(site, fitting, span, log)) return undefined;
  const fitted = fitSign(site, format.element, rank, template.fixedRange);
  if (fitted === 'cannot hold')
    return log.report(
      'QS4004',
      span,
      { site: site.name, format: formatName(format) },
      { hint: 'use the signed format' },
    );
  const why = [`annotation '${text}'`, fitted.why, placed.why]
    .filter((part) => part !== undefined)
    .join('; ');
  return { kind: 'format', format: { ...format, element: fitted.element }, why, span };
}

function withinBounds(
  site: SiteDraft,
  choice: FixedChoice,
  bounds: readonly BoundAnnotation[],
  log: Log,
): FixedChoice | undefined {
  const bits = elementBits(choice.format.element);
  const broken = bounds.find(
    (bound) =>
      (bound.relation !== '<=' && bits < bound.bits) || (bound.relation !== '>=' && bits > bound.bits),
  );
  if (broken === undefined) return choice;
  const related =
    choice.span === undefined ? [] : [{ span: choice.span, message: 'the format is given here' }];
  const params = {
    site: site.name,
    format: formatName(choice.format),
    bound: `${broken.relation} ${broken.bits} bits`,
  };
  return log.report('QS5007', broken.span, params, { related, hint: 'bounds are for formats that are auto' });
}

/** A site that no fixed format reaches: derived where something says from what, else f32. */
function derived(
  site: SiteDraft,
  annotation: FormatAnnotation | undefined,
  bounds: readonly BoundAnnotation[],
  { requirements, scheduled, preset, written }: Influences,
  log: Log,
): SiteChoice | undefined {
  const request = annotation ?? bounds[0];
  const reached = requirements.some((requirement) => reaches(requirement, site.kind));
  if (request === undefined && (!reached || isBatchNorm(site)))
    return {
      kind: 'format',
      format: F32,
      why: plainReason(site, requirements.length > 0, preset, written),
      span: undefined,
    };
  if (request !== undefined && !reached && !scheduled) {
    if (requirements.length > 0) {
      const hint = 'give it a format, or require a bound on something it enters, such as error(update)';
      return log.report('QS5002', request.span, { site: site.name }, { hint });
    }
    const hint =
      preset === undefined
        ? 'add a requirement such as require error(gradient) <= 10%, a preset or a schedule, or write a format'
        : `preset '${preset.name}' gives it none: write a format`;
    return log.report('QS5001', request.span, { annotation: request.text }, { hint });
  }
  const template = annotation?.template;
  if (
    template !== undefined &&
    annotation !== undefined &&
    !validatePlace(site, template, annotation.span, log)
  )
    return undefined;
  const limit = limits(site, bounds, log);
  return (
    limit && {
      kind: 'auto',
      granularity: template?.stated.granularity,
      rounding: template?.stated.rounding,
      scale: template?.stated.scale,
      nonNegative: site.nonNegative,
      limit,
      span: request?.span,
    }
  );
}

function plainReason(
  site: SiteDraft,
  required: boolean,
  preset: Influences['preset'],
  written: boolean,
): string {
  if (!written) return 'the spec has no precision section';
  if (isBatchNorm(site)) return 'batch-norm parameters are not quantized unless annotated';
  if (required) return 'not annotated, and no requirement reaches it';
  return preset === undefined ? 'not annotated' : `not annotated, and preset '${preset.name}' leaves it`;
}

function isBatchNorm(site: SiteDraft): boolean {
  return site.kind.startsWith('scale') || site.kind.startsWith('shift');
}

/** The widths that are left; a bound gives way where a more specific one contradicts it. */
function limits(site: SiteDraft, bounds: readonly BoundAnnotation[], log: Log): BitsLimit | undefined {
  let { min, max } = WIDEST;
  let previous: BoundAnnotation | undefined;
  for (const bound of bounds.toSorted((a, b) => b.rank - a.rank)) {
    const nextMin = bound.relation === '<=' ? min : Math.max(min, bound.bits);
    const nextMax = bound.relation === '>=' ? max : Math.min(max, bound.bits);
    if (nextMin <= nextMax) {
      [min, max] = [nextMin, nextMax];
      previous = bound;
    } else if (previous?.rank === bound.rank) {
      const related = [{ span: previous.span, message: 'the other bound' }];
      return log.report('QS5006', bound.span, { site: site.name, min: nextMin, max: nextMax }, { related });
    }
  }
  return { min, max };
}
