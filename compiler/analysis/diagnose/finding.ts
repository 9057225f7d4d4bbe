import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import type { Span } from '../../source/source.ts';

/** Something that one annotation does to one site. */
export interface Finding {
  readonly site: string;
  /** The annotation. */
  readonly span: Span;
  /** The diagnostic, of this site and of the others that its annotation does the same to. */
  readonly report: (sites: string) => Diagnostic;
}

/** One diagnostic for each annotation, about the first of its sites, in the order of the findings. */
export function perAnnotation(findings: readonly Finding[]): readonly Diagnostic[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.span.start} ${finding.span.end}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    return [first.report(`'${first.site}'${more}`)];
  });
}
