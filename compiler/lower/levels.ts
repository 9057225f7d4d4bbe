import type { CheckedSpec, Level, Requirement, Site, SiteChoice, SiteKind } from '../check/checked-spec.ts';
import { type Element, elementBits, F32, type Format, type IntElement } from '../numeric/format.ts';

type AutoChoice = Extract<SiteChoice, { kind: 'auto' }>;

/** A site whose format is to be derived. */
export type AutoSite = Site & { readonly choice: AutoChoice };

/** A width that a site may have, and its format there. */
export interface SiteLevel {
  readonly bits: number;
  readonly format: Format;
}

export function autoSites(spec: CheckedSpec): readonly AutoSite[] {
  return spec.precision.sites.filter((site): site is AutoSite => site.choice.kind === 'auto');
}

/** Requirements with a probability: measurements tell whether they hold. */
export function measuredRequirements({ precision }: CheckedSpec): readonly Requirement[] {
  return precision.requirements.filter(({ probability }) => probability !== undefined);
}

const int = (bits: number): IntElement => ({ kind: 'int', bits, signed: true, narrow: true });

/** Where a spec states no levels: integers of 2 to 16 bits, weights per channel, gradients rounded stochastically, and f32. */
const DEFAULT_LEVELS: readonly Omit<Level, 'span'>[] = [
  ...Array.from({ length: 15 }, (_, i) => {
    const rest = { element: int(i + 2), scale: { kind: 'absmax' }, rounding: 'nearest' } as const;
    return {
      bits: i + 2,
      weights: { ...rest, granularity: { kind: 'channel' } },
      activations: { ...rest, granularity: { kind: 'tensor' } },
      gradients: { ...rest, granularity: { kind: 'tensor' }, rounding: 'stochastic' },
    } as const;
  }),
  { bits: 32, weights: F32, activations: F32, gradients: F32 },
];

/** Which of a level's three formats stands at a site. */
function classOf(kind: SiteKind): 'weights' | 'activations' | 'gradients' {
  if (kind === 'in' || kind === 'out') return 'activations';
  return kind.endsWith('grad') ? 'gradients' : 'weights';
}

/** The levels that a site may take, narrowest first: those of the spec within the site's limits. */
export function levelsOf(spec: CheckedSpec, site: AutoSite): readonly SiteLevel[] {
  const { min, max } = site.choice.limit;
  const levels = spec.precision.levels.length > 0 ? spec.precision.levels : DEFAULT_LEVELS;
  return levels
    .filter(({ bits }) => min <= bits && bits <= max)
    .map((level) => ({ bits: level.bits, format: formatAt(site, level[classOf(site.kind)]) }));
}

/** A level's format at a site: what the site's annotation states goes before, and the sign follows the value. */
function formatAt({ kind, choice }: AutoSite, format: Format): Format {
  if (format.element.kind === 'f32') return F32;
  const granularity = choice.granularity ?? format.granularity;
  return {
    element: fitted(format.element, choice.nonNegative),
    // A vector has one value a channel, which a scale of its own would make exact.
    granularity: isVector(kind) ? { kind: 'tensor' } : granularity,
    scale: format.scale.kind === 'none' ? format.scale : (choice.scale ?? format.scale),
    rounding: choice.rounding ?? format.rounding,
  };
}

function isVector(kind: SiteKind): boolean {
  return /^(bias|scale|shift)/.test(kind);
}

/** A level speaks of a class that holds both signs: its integers are unsigned where a value is never negative, signed elsewhere. */
function fitted(element: Exclude<Element, { kind: 'f32' }>, nonNegative: boolean): Element {
  if (element.kind !== 'int' || element.signed !== nonNegative) return element;
  return nonNegative ? { ...element, signed: false, narrow: false } : int(elementBits(element));
}
