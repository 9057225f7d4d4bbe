import type { CheckedSpec, Site } from '../check/checked-spec.ts';
import { type Diagnostic, diagnostic, hasErrors, type Result } from '../diagnostics/diagnostic.ts';
import { F32, type Format } from '../numeric/format.ts';
import type { Span } from '../source/source.ts';

/** The format of one site in a plan, and why it has it. */
export interface PlannedSite {
  readonly site: Site;
  readonly format: Format;
  readonly why: string;
  readonly span: Span | undefined;
}

/**
 * A format for every site of F, B and U. `status` says whether anything was derived or proved: `allocated` formats meet the
 * requirements by the model of a sensitivity table, which a certificate then confirms.
 */
export interface FormatPlan {
  readonly sites: ReadonlyMap<string, PlannedSite>;
  readonly status: 'not analysed' | 'allocated';
}

/** Formats of the sites that are `auto`, by name, and why they have them. */
export interface Assignment {
  readonly formats: ReadonlyMap<string, Format>;
  readonly why: string;
  /** It stands in for formats that are yet to be derived, or was proved at other parameters: compiling proves nothing of it. */
  readonly unproved?: true;
}

/**
 * The plan of a spec: formats that are written down, and those that an assignment gives to `auto` sites. Without one, what would have
 * to be derived is refused, and so is what changes over time (`schedule`): it is never taken for f32. It proves nothing.
 */
export function planFormats(spec: CheckedSpec, assignment?: Assignment): Result<FormatPlan> {
  const { sites, requirements, schedules } = spec.precision;
  const diagnostics: Diagnostic[] = [];
  const planned = new Map<string, PlannedSite>();
  const automatic: Site[] = [];
  for (const site of sites) {
    const given = site.choice.kind === 'auto' ? assignment?.formats.get(site.name) : undefined;
    if (site.choice.kind === 'auto' && given === undefined) {
      automatic.push(site);
      continue;
    }
    const { format, why, span } =
      site.choice.kind === 'auto'
        ? { format: given ?? F32, why: assignment?.why ?? '', span: site.choice.span }
        : site.choice;
    diagnostics.push(...validateSite(site, format, span ?? spec.train.span));
    planned.set(site.name, { site, format, why, span });
  }
  const first = automatic[0];
  if (first) {
    const span = first.choice.span ?? requirements[0]?.span ?? spec.train.span;
    const hint =
      'qspec allocate derives them from what is required; or write a format such as int8, or name a preset';
    diagnostics.push(diagnostic('QS6501', span, { sites: automatic.length, first: first.name }, { hint }));
  }
  for (const { name, span } of schedules) {
    diagnostics.push(
      diagnostic('QS6502', span, { name }, { hint: 'remove the schedule to train at fixed formats' }),
    );
  }
  return {
    value: hasErrors(diagnostics)
      ? undefined
      : { sites: planned, status: assignment === undefined ? 'not analysed' : 'allocated' },
    diagnostics,
  };
}

/** What the language can say of a site but a program cannot do. */
function validateSite(site: Site, format: Format, span: Span): Diagnostic[] {
  const refuse = (feature: string, allowed: string) => [
    diagnostic('QS6503', span, { site: site.name, feature, allowed }),
  ];
  if (format.element.kind === 'f32') return [];
  if (format.scale.kind === 'learned')
    return refuse('a learned scale', 'use scale(absmax), scale(power_of_two) or scale(moving_average)');
  if (format.scale.kind === 'moving_average' && site.kind !== 'in') {
    return refuse(
      'a moving-average scale',
      'only what a layer reads (.in) has one; use scale(absmax) or scale(power_of_two)',
    );
  }
  if (format.scale.kind === 'moving_average' && format.granularity.kind === 'group') {
    return refuse('a moving-average scale per group', 'use it per tensor or per channel');
  }
  if (format.element.kind === 'int' && format.scale.kind === 'none')
    return refuse('no scale', 'integers need one');
  return [];
}
