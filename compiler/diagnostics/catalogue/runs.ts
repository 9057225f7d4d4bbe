import { error } from './entry.ts';

/** QS7xxx: data, checkpoints and runs. */
export const DATA_AND_RUN_CODES = {
  QS7001: error((p: { path: string }) => `no such file: ${p.path}`),
} as const;
