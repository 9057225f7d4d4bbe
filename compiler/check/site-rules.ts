import type { Element, Granularity, Scale } from '../numeric/format.ts';
import type { Span } from '../source/source.ts';
import type { SiteKind } from './checked-spec.ts';
import type { FormatTemplate } from './formats.ts';
import type { Log } from './log.ts';
import { RANK } from './site-patterns.ts';
import type { SiteDraft } from './sites.ts';

const EVERY: readonly Granularity['kind'][] = ['tensor', 'channel', 'group'];
const WHOLE: readonly Granularity['kind'][] = ['tensor'];

/**
 * Granularities that a site's tensor has axes for: weights have output channels and an input axis to group along,
 * activations and cotangents a channel axis; vectors such as a bias have neither.
 */
function granularities(kind: SiteKind): readonly Granularity['kind'][] {
  return kind.startsWith('weights') || kind === 'in' || kind === 'out' || kind === 'grad' ? EVERY : WHOLE;
}

/**
 * Scales that a site can have: a moving average is kept for what products read, a learned scale needs a loss that depends
 * on it through F, and cotangents are rounded at the scale of the moment.
 */
function scales(kind: SiteKind): readonly Scale['kind'][] {
  switch (kind) {
    case 'in':
      return ['absmax', 'power_of_two', 'moving_average', 'learned', 'two_level', 'none'];
    case 'out':
    case 'weights':
      return ['absmax', 'power_of_two', 'learned', 'two_level', 'none'];
    case 'grad':
      return ['absmax', 'power_of_two', 'none'];
    default:
      return ['absmax', 'power_of_two', 'two_level', 'none'];
  }
}

/** Whether the template can stand at the site; if not, that is reported where the annotation is. */
export function validatePlace(
  site: SiteDraft,
  template: Pick<FormatTemplate, 'granularity' | 'scale' | 'element'>,
  span: Span,
  log: Log,
): boolean {
  if (template.element !== 'auto' && template.element.kind === 'f32') return true;
  const { granularity, scale } = template;
  const places = granularities(site.kind);
  if (!places.includes(granularity.kind)) {
    log.report('QS4005', span, {
      site: site.name,
      granularity: granularity.kind,
      allowed: places.join(' or '),
    });
    return false;
  }
  const kinds = scales(site.kind);
  if (!kinds.includes(scale.kind)) {
    log.report('QS4007', span, { site: site.name, scale: scale.kind, allowed: kinds.join(', ') });
    return false;
  }
  return true;
}

/** Kinds of classes that hold matrices and vectors alike. */
const MIXED_RANK: readonly SiteKind[] = ['bias.m', 'bias.v'];

/** The granularity for a site: a class that also covers vectors means its channels or groups where there are some. */
export function fitGranularity(
  site: SiteDraft,
  granularity: Granularity,
  rank: number,
): { readonly granularity: Granularity; readonly why: string | undefined } {
  if (granularity.kind === 'tensor' || rank > RANK.class || !MIXED_RANK.includes(site.kind))
    return { granularity, why: undefined };
  return { granularity: { kind: 'tensor' }, why: 'one scale: a vector has one value a channel' };
}

/** Kinds of classes that hold values of both signs, where the sign follows the value. */
const MIXED_SIGN: readonly SiteKind[] = ['in', 'out', 'weights.m', 'weights.v', 'bias.m', 'bias.v'];

/**
 * The element for a site of known sign. A format for a whole class becomes unsigned where the value is never negative, which doubles
 * its codes, and signed where it may be; one for a single site is taken at its word.
 */
export function fitSign(
  site: SiteDraft,
  element: Element,
  rank: number,
  fixedRange: boolean,
): { readonly element: Element; readonly why: string | undefined } | 'cannot hold' {
  if (element.kind !== 'int') return { element, why: undefined };
  if (!element.signed && !site.nonNegative) {
    if (rank > RANK.class || !MIXED_SIGN.includes(site.kind)) return 'cannot hold';
    return {
      element: { kind: 'int', bits: element.bits, signed: true, narrow: true },
      why: 'signed: the value may be negative',
    };
  }
  if (element.signed && site.nonNegative && rank <= RANK.class && !fixedRange) {
    return {
      element: { kind: 'int', bits: element.bits, signed: false, narrow: false },
      why: 'unsigned: the value is never negative',
    };
  }
  return { element, why: undefined };
}
