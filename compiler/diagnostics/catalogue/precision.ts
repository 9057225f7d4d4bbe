import { error } from './entry.ts';

/** QS4xxx and QS5xxx: ranges, formats, requirements and allocation. */
export const PRECISION_CODES = {
  QS4001: error((p: { annotation: string }) => `'${p.annotation}' matches no tensor of the model`),
} as const;
