import { type Diagnostic, diagnostic } from './diagnostic.ts';

/** Diagnostics of a severity that one file gets at most: no person reads more. */
export const MAX_DIAGNOSTICS = 100;

/** The first errors and the first warnings, in the order given; where there are more, one diagnostic each says so. */
export function firstDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  if (diagnostics.length <= MAX_DIAGNOSTICS) return diagnostics;
  const left = { error: MAX_DIAGNOSTICS, warning: MAX_DIAGNOSTICS };
  return diagnostics.flatMap((d) => {
    left[d.severity]--;
    if (left[d.severity] >= 0) return [d];
    if (left[d.severity] < -1) return [];
    return [diagnostic(d.severity === 'error' ? 'QS2015' : 'QS2016', d.span, { limit: MAX_DIAGNOSTICS })];
  });
}
