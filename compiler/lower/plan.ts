import type { Site } from '../check/checked-spec.ts';
import type { Format } from '../numeric/format.ts';
import type { Span } from '../source/source.ts';

/** The format of one site in a plan, and why it has it. */
export interface PlannedSite {
  readonly site: Site;
  readonly format: Format;
  readonly why: string;
  readonly span: Span | undefined;
}

/** A format for every site of F, B and U. `status` says whether anything was proved about it. */
export interface FormatPlan {
  readonly sites: ReadonlyMap<string, PlannedSite>;
  readonly status: 'not analysed';
}
