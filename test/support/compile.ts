import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Compiled, compile } from '../../compiler/pipeline.ts';

/** Compiles a spec that must have no errors. */
export function compileText(text: string, path = 'test.qspec'): Compiled {
  const source = { path, text };
  const { value, diagnostics } = compile(source);
  if (!value) throw new Error(JSON.stringify(diagnostics));
  return value;
}

/** Compiles one of `specs/`. */
export function compileSpec(name: string): Compiled {
  const path = `specs/${name}.qspec`;
  return compileText(readFileSync(join(import.meta.dirname, '../..', path), 'utf8'), path);
}

export interface SmallSpec {
  readonly model: string;
  readonly train?: string;
  readonly precision?: string;
  readonly batch?: number;
  /** Shape of a sample, `1, 28, 28` unless stated otherwise by a data set of one's own. */
  readonly data?: string;
}

/** A whole spec on `glyphs` around a model's body. */
export function specText({ model, train, precision, batch = 4, data }: SmallSpec): string {
  return `spec small
data d { source: ${data ?? 'glyphs'}, batch: ${batch} }
model M(x: f32[1, 28, 28] in [0, 1]) -> f32[10] { ${model} }
train {
  F = forward(M) |> cross_entropy
  B = backward(F)
  ${train ?? 'U = sgd(lr: 0.1)\n  T = U ∘ B ∘ F'}
  epochs: 1
}
${precision === undefined ? '' : `precision { ${precision} }`}
`;
}
