import { ALLOCATION_CODES } from './catalogue/allocation.ts';
import { ANALYSIS_CODES } from './catalogue/analysis.ts';
import { CERTIFICATE_CODES } from './catalogue/certificates.ts';
import { EMISSION_CODES } from './catalogue/emission.ts';
import { LOWERING_CODES } from './catalogue/lowering.ts';
import { NAME_CODES } from './catalogue/names.ts';
import { PRECISION_CODES } from './catalogue/precision.ts';
import { DATA_AND_RUN_CODES } from './catalogue/runs.ts';
import { SHAPE_CODES } from './catalogue/shapes.ts';
import { SYNTAX_CODES } from './catalogue/syntax.ts';
import { RUN_CODES } from './catalogue/training.ts';

/**
 * Every diagnostic that QSpec can give: `QS1xxx` syntax, `2xxx` names, `3xxx` shapes and types, `4xxx` ranges
 * and formats, `5xxx` allocation, `6xxx` emission and engines, `7xxx` data and runs. A code is never reused.
 */
export const CATALOGUE = {
  ...SYNTAX_CODES,
  ...NAME_CODES,
  ...SHAPE_CODES,
  ...PRECISION_CODES,
  ...ANALYSIS_CODES,
  ...ALLOCATION_CODES,
  ...EMISSION_CODES,
  ...LOWERING_CODES,
  ...DATA_AND_RUN_CODES,
  ...RUN_CODES,
  ...CERTIFICATE_CODES,
} as const;

export type Code = keyof typeof CATALOGUE;
export type Params<C extends Code> = Parameters<(typeof CATALOGUE)[C]['message']>[0];
