import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { check } from '../../compiler/check/check.ts';
import { parse } from '../../compiler/syntax/parse.ts';

const PAGE = readFileSync(new URL('../../grammar/language.md', import.meta.url), 'utf8');

/** How a fragment becomes a file. */
const FRAMES: Readonly<Record<string, (text: string) => string>> = {
  '': (text) => text,
  item: (text) => `spec t\n${text}`,
  precision: (text) => `spec t\nprecision {\n${text}}`,
  train: (text) => `spec t\ntrain {\n${text}}`,
  body: (text) => `spec t\nmodel M(x: f32[1]) -> f32[1] {\n${text}}`,
  expression: (text) => `spec t\neval { x: ${text} }`,
};

const EXAMPLES = [...PAGE.matchAll(/^```qspec(?: fragment=(\w+))?\n([\s\S]*?)^```$/gm)].map((match) => ({
  line: PAGE.slice(0, match.index).split('\n').length,
  frame: match[1] ?? '',
  text: match[2] ?? '',
}));

test('every fence of the page is an example or names another language', () => {
  const opened = [...PAGE.matchAll(/^```(\S.*)$/gm)].map((match) => match[1] ?? '');
  expect(opened.filter((info) => info.startsWith('qspec'))).toHaveLength(EXAMPLES.length);
  expect(opened.filter((info) => !info.startsWith('qspec'))).toEqual(['text']);
});

test.each(EXAMPLES)('the $frame example at line $line', ({ frame, text }) => {
  const source = { path: 'example.qspec', text: FRAMES[frame]?.(text) ?? '' };
  const { value, diagnostics } = parse(source);
  expect(diagnostics).toEqual([]);
  if (value === undefined || frame !== '') return;
  expect(check(value, source).diagnostics).toEqual([]);
});

test('the whole example files use every part that a file must have', () => {
  const kinds = EXAMPLES.flatMap(({ frame, text }) =>
    frame === '' ? (parse({ path: 'example.qspec', text }).value?.items ?? []) : [],
  ).map((item) => item.kind);
  expect(new Set(kinds)).toEqual(new Set(['data', 'block', 'model', 'train', 'precision', 'export']));
});
