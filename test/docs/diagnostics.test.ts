import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { diagnoseStep } from '../../compiler/analysis/diagnose/index.ts';
import { analyseWorstCase } from '../../compiler/analysis/worst-case/index.ts';
import { CATALOGUE } from '../../compiler/diagnostics/catalogue.ts';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import { compile } from '../../compiler/pipeline.ts';
import { parse } from '../../compiler/syntax/parse.ts';

const FOLDER = new URL('../../docs/diagnostics/', import.meta.url);

/** Sections that complete the example of a page, which shows only what is wrong. */
const SECTIONS: Readonly<Record<string, string>> = {
  data: 'data digits { source: mnist, batch: 64 }',
  model: `model Net(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(8, kernel: 3) as c1 |> relu |> flatten |> dense(10) as f1
}`,
  train: `train {
  F = forward(Net) |> cross_entropy
  B = backward(F)
  U = adam(lr: 1e-3)
  T = U ∘ B ∘ F
  epochs: 1
}`,
};

/** An example that starts with `spec` is a whole file; any other gets the sections that it lacks. */
function complete(example: string): string {
  if (/^spec\b/.test(example)) return example;
  const own =
    parse({ path: 'example', text: `spec example\n${example}` }).value?.items.map((item) => item.kind) ?? [];
  const others = Object.entries(SECTIONS).filter(([kind]) => !own.some((k) => k === kind));
  return ['spec example', example, ...others.map(([, text]) => text)].join('\n');
}

function diagnose(code: string, example: string): readonly Diagnostic[] {
  const source = { path: 'example', text: code.startsWith('QS1') ? example : complete(example) };
  const { value, diagnostics } = compile(source);
  if (!code.startsWith('QS41') || value === undefined) return diagnostics;
  const { spec, plan, program } = value;
  return [...diagnostics, ...diagnoseStep(spec, plan, program, analyseWorstCase(spec, plan, program))];
}

const fence = (page: string, language: string) =>
  new RegExp(`\`\`\`${language}\\n([^]*?)\\n\`\`\``).exec(page)?.[1];

test('every diagnostic has a page, and every page is of a diagnostic', () => {
  const pages = readdirSync(FOLDER).filter((name) => name.startsWith('QS'));
  expect(pages.sort()).toEqual(
    Object.keys(CATALOGUE)
      .map((code) => `${code}.md`)
      .sort(),
  );
});

describe.each(readdirSync(FOLDER).filter((name) => name.startsWith('QS')))('%s', (name) => {
  const code = name.slice(0, -'.md'.length);
  const page = readFileSync(new URL(name, FOLDER), 'utf8');

  test('says what is wrong, how it is printed, and what to do', () => {
    expect(page).toMatch(new RegExp(`^# ${code}: .+\\n`));
    expect(fence(page, 'text')).toBeDefined();
    expect(page).toContain('**What to do.**');
  });

  const example = fence(page, 'qspec');
  if (example === undefined) return;
  test('has an example that gives it', () => {
    const diagnostics = diagnose(code, example);
    const messages = diagnostics.filter((d) => d.code === code).map((d) => d.message);
    expect(messages).toContain(fence(page, 'text'));
    if (/^QS[2-5]/.test(code)) expect(diagnostics.map((d) => d.code)).toEqual([code]);
  });
});
