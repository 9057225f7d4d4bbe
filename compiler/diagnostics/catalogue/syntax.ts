import { error } from './entry.ts';

/** QS1xxx: the text is not a spec. */
export const SYNTAX_CODES = {
  QS1001: error((p: { found: string; expected: string }) => `expected ${p.expected}, found ${p.found}`),
} as const;
