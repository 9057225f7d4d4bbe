import { error } from './entry.ts';

/** QS6xxx: what a target or an engine cannot do. */
export const EMISSION_CODES = {
  QS6001: error((p: { feature: string }) => `${p.feature} cannot be compiled by this version`),
} as const;
