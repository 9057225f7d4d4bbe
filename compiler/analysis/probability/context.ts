import type { Levels } from './levels.ts';
import type { Pass, Settings } from './pass.ts';
import type { Sample } from './predict.ts';
import type { Study } from './study.ts';
import type { TableSite } from './table-data.ts';
import type { UpdateGraphs } from './update.ts';

/** Everything that is known of one batch before its table is made. */
export interface BatchContext {
  readonly subject: Study;
  readonly updates: UpdateGraphs;
  readonly pass: Pass;
  readonly settings: Settings;
  readonly drawn: Sample;
  readonly sites: readonly TableSite[];
  readonly levels: Levels;
}
