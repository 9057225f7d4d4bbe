import { check } from '../../compiler/check/check.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import type { Diagnostic, Result } from '../../compiler/diagnostics/diagnostic.ts';
import { parse } from '../../compiler/syntax/parse.ts';

/** Sections of a small spec that is sound, to be replaced one at a time; an empty one is left out. */
export const SOUND = {
  data: 'data digits { source: mnist, batch: 64 }',
  blocks: '',
  model: 'model Net(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {',
  body: 'x |> conv(4, kernel: 3) as c1 |> relu |> maxpool(2) |> flatten |> dense(10) as f1',
  end: '}',
  train: `train {
  F = forward(Net) |> cross_entropy
  B = backward(F)
  U = adam(lr: 1e-3)
  T = U ∘ B ∘ F
  epochs: 1
}`,
  precision: 'precision { weights: int8, activations: int8 }',
  more: '',
};

export type Sections = Partial<typeof SOUND>;

export function specText(sections: Sections): string {
  return ['spec s', ...Object.values({ ...SOUND, ...sections })].filter((text) => text !== '').join('\n');
}

/** Parses and checks. Parsing must succeed: these tests are about meaning. */
export function checkText(text: string, path = 's.qspec'): Result<CheckedSpec> {
  const source = { path, text };
  const { value, diagnostics } = parse(source);
  if (value === undefined) throw new Error(`the text does not parse: ${diagnostics[0]?.message}\n${text}`);
  return check(value, source);
}

/** The checked spec of a text without mistakes. */
export function soundSpec(sections: Sections): CheckedSpec {
  const { value, diagnostics } = checkText(specText(sections));
  if (value === undefined) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join('\n'));
  return value;
}

interface Marked {
  readonly text: string;
  /** What stood between « and », with its place in the text without the marks. */
  readonly marks: readonly { readonly start: number; readonly end: number }[];
}

/** Takes the marks « and » out of a text; pairs do not nest. */
export function unmark(marked: string): Marked {
  const marks: { start: number; end: number }[] = [];
  let text = '';
  let start = 0;
  for (const character of marked) {
    if (character === '«') start = text.length;
    else if (character === '»') marks.push({ start, end: text.length });
    else text += character;
  }
  return { text, marks };
}

/** `QS2001 «rellu»`: a diagnostic with the text at its span, for comparison. */
export function brief(diagnostic: Pick<Diagnostic, 'code' | 'span'>, text: string): string {
  const { code, span } = diagnostic;
  return `${code} at ${span.start}–${span.end}: ${text.slice(span.start, span.end)}`;
}

/** The text with the fixes of its diagnostics applied, last one first. */
export function applyFixes(text: string, diagnostics: readonly Diagnostic[]): string {
  const fixes = diagnostics.flatMap((d) => d.fixes.slice(0, 1)).sort((a, b) => b.span.start - a.span.start);
  return fixes.reduce(
    (result, { span, replacement }) => result.slice(0, span.start) + replacement + result.slice(span.end),
    text,
  );
}
