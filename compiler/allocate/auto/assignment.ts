import type { CheckedSpec } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic, type Result } from '../../diagnostics/diagnostic.ts';
import { autoSites, levelsOf } from '../../lower/levels.ts';
import type { Assignment } from '../../lower/plan.ts';
import { type Format, formatName } from '../../numeric/format.ts';

/**
 * Formats that are written down somewhere, a certificate or a file of sensitivities, for the `auto` sites of a spec: each must be one of
 * the site's levels.
 */
export function writtenAssignment(
  spec: CheckedSpec,
  formats: Readonly<Record<string, string>>,
  why: string,
): Result<Assignment> {
  const diagnostics: Diagnostic[] = [];
  const found = new Map<string, Format>();
  for (const site of autoSites(spec)) {
    const written = formats[site.name];
    const level = levelsOf(spec, site).find(({ format }) => formatName(format) === written);
    if (level !== undefined) found.set(site.name, level.format);
    else {
      const span = site.choice.span ?? spec.train.span;
      diagnostics.push(diagnostic('QS5012', span, { site: site.name, format: written ?? 'no format' }));
    }
  }
  return { value: diagnostics.length > 0 ? undefined : { formats: found, why }, diagnostics };
}
