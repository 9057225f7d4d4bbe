import { error } from './entry.ts';

/** QS3xxx: shapes and types that do not fit. */
export const SHAPE_CODES = {
  QS3001: error((p: { layer: string; expected: string; found: string }) => `${p.layer} needs ${p.expected}, got ${p.found}`),
} as const;
