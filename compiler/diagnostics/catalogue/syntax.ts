import { error } from './entry.ts';

/** QS1xxx: the text is not a spec. */
export const SYNTAX_CODES = {
  QS1001: error((p: { found: string; expected: string }) => `expected ${p.expected}, found ${p.found}`),
  QS1002: error(() => 'this string has no closing quote on its line'),
  QS1003: error((p: { characters: string }) => `${p.characters} cannot stand here`),
  QS1004: error((p: { text: string; reason: string }) => `'${p.text}' is not a number: ${p.reason}`),
  QS1005: error((p: { bracket: string }) => `'${p.bracket}' is never closed`),
  QS1006: error((p: { bracket: string }) => `'${p.bracket}' closes nothing`),
  QS1007: error(() => "a file starts with 'spec' and a name"),
  QS1008: error((p: { limit: number }) => `nested too deeply: at most ${p.limit} levels are read`),
  QS1009: error(
    (p: { size: number; limit: number }) => `the file has ${p.size} characters; at most ${p.limit} are read`,
  ),
  QS1010: error((p: { escape: string }) => `'${p.escape}' is no escape of a string`),
  QS1011: error((p: { word: string }) => `'${p.word}' has no meaning here`),
  QS1012: error((p: { limit: number }) => `more than ${p.limit} syntax errors: the rest is not shown`),
  QS1013: error((p: { text: string; expected: string }) => `'${p.text}' where ${p.expected} belongs`),
} as const;
