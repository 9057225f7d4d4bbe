import type { Diagnostic } from '../diagnostics/diagnostic.ts';

/** A diagnostic with the place where the mistake was noticed. */
export interface Report {
  readonly offset: number;
  /** Where text can be believed again; `offset` where the mistake derails nothing. */
  readonly until: number;
  /** Of two reports at one place, the one of lower rank says more. Rank 0 never follows from another mistake. */
  readonly rank: 0 | 1 | 2;
  readonly diagnostic: Diagnostic;
}

/** Drops what follows from a mistake before it, and all but one report a place. */
export function independent(reports: readonly Report[]): readonly Diagnostic[] {
  const kept: Diagnostic[] = [];
  let believedFrom = 0;
  let place = -1;
  for (const report of reports.toSorted((a, b) => a.offset - b.offset || a.rank - b.rank)) {
    const follows = report.rank > 0 && (report.offset < believedFrom || report.offset === place);
    believedFrom = Math.max(believedFrom, report.until);
    if (follows) continue;
    place = report.offset;
    kept.push(report.diagnostic);
  }
  return kept;
}
