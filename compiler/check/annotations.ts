import type { Scale } from '../numeric/format.ts';
import type { Span } from '../source/source.ts';
import type { AnnotationStatement, BitsBound } from '../syntax/ast.ts';
import { readAs } from './arguments.ts';
import { constantScope, evaluate } from './constants.ts';
import { type FormatTemplate, readFormat, readScale } from './formats.ts';
import type { Log } from './log.ts';
import { whole } from './parameter-types.ts';
import type { SiteIndex } from './site-patterns.ts';
import type { SiteDraft } from './sites.ts';

interface Annotation {
  readonly rank: number;
  /** What it names, as written. */
  readonly text: string;
  readonly span: Span;
}

export interface FormatAnnotation extends Annotation {
  readonly template: FormatTemplate;
}

export interface BoundAnnotation extends Annotation {
  readonly relation: BitsBound['relation'];
  readonly bits: number;
}

/** What annotations say of the sites: the most specific format of each, and every bound on its width. */
export interface Annotations {
  readonly formats: ReadonlyMap<SiteDraft, FormatAnnotation>;
  readonly bounds: ReadonlyMap<SiteDraft, readonly BoundAnnotation[]>;
}

/** `scale: power_of_two` as a statement: the scale of every format that follows the data and states none. */
export function isDefaultScale(statement: AnnotationStatement): boolean {
  const { segments } = statement.target;
  return (
    segments.length === 1 &&
    segments[0]?.index === undefined &&
    segments[0]?.words.map((word) => word.text).join(' ') === 'scale'
  );
}

/** The section's default scale, if it states one. */
export function defaultScale(statements: readonly AnnotationStatement[], log: Log): Scale | undefined {
  let scale: Scale | undefined;
  let first: Span | undefined;
  for (const { value, span } of statements.filter(isDefaultScale)) {
    if (first !== undefined)
      log.report(
        'QS2006',
        span,
        { name: 'scale' },
        { related: [{ span: first, message: 'first given here' }] },
      );
    first ??= span;
    const [modifier] = value.kind === 'format' ? value.modifiers : [];
    if (value.kind === 'bits' || modifier !== undefined) {
      log.report('QS3002', modifier?.span ?? value.span, {
        name: `'scale'`,
        expected: 'a kind of scale such as power_of_two',
        found: 'a format',
      });
    } else {
      scale ??= readScale({ name: value.element, args: value.args }, log);
    }
  }
  return scale;
}

/** Reads the annotations and finds the sites of each; without an index only their formats are checked. */
export function collectAnnotations(
  statements: readonly AnnotationStatement[],
  index: SiteIndex | undefined,
  log: Log,
): Annotations {
  const scale = defaultScale(statements, log);
  const formats = new Map<SiteDraft, FormatAnnotation>();
  const bounds = new Map<SiteDraft, BoundAnnotation[]>();
  for (const { target, value, span } of statements.filter((statement) => !isDefaultScale(statement))) {
    const match = index?.find(target);
    if (value.kind === 'format') {
      const template = readFormat(value, { log, defaultScale: scale });
      if (match === undefined || template === undefined) continue;
      const annotation = { rank: match.rank, text: match.text, span, template };
      for (const site of match.sites) keepFormat(site, annotation, formats, log);
    } else {
      const bits = readBits(value, log);
      if (match === undefined || bits === undefined) continue;
      const bound = { rank: match.rank, text: match.text, span, relation: value.relation, bits };
      for (const site of match.sites) keepBound(site, bound, bounds);
    }
  }
  return { formats, bounds };
}

function readBits(bound: BitsBound, log: Log): number | undefined {
  const value = evaluate(bound.bits, constantScope(log));
  return value && readAs(whole(2, 32), value, 'a width in bits', log);
}

function keepFormat(
  site: SiteDraft,
  annotation: FormatAnnotation,
  formats: Map<SiteDraft, FormatAnnotation>,
  log: Log,
): void {
  const other = formats.get(site);
  if (other?.rank === annotation.rank) {
    log.report(
      'QS4002',
      annotation.span,
      { site: site.name },
      {
        related: [{ span: other.span, message: 'the other one' }],
        hint: 'keep one of them, or name the site itself',
      },
    );
  } else if (other === undefined || annotation.rank > other.rank) {
    formats.set(site, annotation);
  }
}

function keepBound(site: SiteDraft, bound: BoundAnnotation, bounds: Map<SiteDraft, BoundAnnotation[]>): void {
  const known = bounds.get(site);
  if (known === undefined) bounds.set(site, [bound]);
  else known.push(bound);
}
