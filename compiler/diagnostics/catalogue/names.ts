import { error } from './entry.ts';

/** QS2xxx: names that mean nothing, or two things. */
export const NAME_CODES = {
  QS2001: error((p: { kind: string; name: string }) => `unknown ${p.kind} '${p.name}'`),
} as const;
