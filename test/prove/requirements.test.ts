import { describe, expect, test } from 'vitest';
import { compile } from '../../compiler/pipeline.ts';

const MODEL = 'x |> maxpool(4) |> flatten |> dense(12) as f1 |> relu |> dense(10) as f2';
const WRITTEN = 'preset: int8, bias: f32, stored bias: f32, weight gradients: f32, bias gradients: f32';

/** Codes and messages of compiling a spec whose formats are written down. */
function compiled(require: string, init = ''): readonly string[] {
  const text = `spec small
data glyphs(samples: 192, test: 64, seed: 3) { batch: 16 }
model Net(x: f32[1, 28, 28] in [0, 1]) -> f32[10] { ${MODEL}${init} }
train {
  F = forward(Net) |> cross_entropy
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ B ∘ F
  epochs: 1
}
precision { ${WRITTEN}
  ${require} }
`;
  const { value, diagnostics } = compile({ path: 'small.qspec', text });
  expect(value === undefined).toBe(diagnostics.length > 0);
  return diagnostics.map(({ code, message }) => `${code} ${message}`);
}

describe('a requirement without a probability on formats that are written down', () => {
  test('compiles where the worst case meets it, and tells what most of the bound comes from where not', () => {
    expect(compiled('require error(logits, norm: linf, relative to: 1) <= 1')).toEqual([]);
    const [unmet = ''] = compiled('require error(logits, norm: linf, relative to: 1) <= 1%');
    expect(unmet).toMatch(
      /^QS5015 the error of logits may reach [\d.]+ in the ∞-norm where at most 0\.01\d* is allowed, most of it from rounding of f1\.weights, /,
    );
    // What the message names holds, and a hundredth less does not.
    const reached = Number(/reach ([\d.]+)/.exec(unmet)?.[1]);
    expect(compiled(`require error(logits, norm: linf, relative to: 1) <= ${reached}`)).toEqual([]);
    expect(compiled(`require error(logits, norm: linf, relative to: 1) <= ${0.99 * reached}`)).toHaveLength(
      1,
    );
    expect(compiled(`require error(logits, norm: linf, relative to: 2) <= ${reached / 2}`)).toEqual([]);
  });

  test('is judged in its norm, its reference and its quantity', () => {
    expect(compiled('require error(logits, relative to: 1) <= 0.3')).toHaveLength(1);
    expect(compiled('require error(gradient, relative to: 1, reference: quantized_point) <= 10')).toEqual([]);
    expect(compiled('require error(gradient, relative to: 1) <= 10')).toHaveLength(1);
    expect(
      compiled('require error(each gradient, norm: linf, relative to: 1, reference: quantized_point) <= 1'),
    ).toEqual([]);
    expect(compiled('require error(update, relative to: 1) <= 1000')).toEqual([]);
    expect(compiled('require error(loss, relative to: 1) <= 1e-4')).toHaveLength(1);
  });

  test('is refused where no text can tell', () => {
    expect(compiled('require error(logits) <= 5%')).toEqual([
      'QS5014 the worst case cannot be held against what is required of logits: it is relative to the norm of what is computed, which no text bounds from below',
    ]);
    expect(compiled('require error(gradient, relative to: noise_floor) <= 5%')[0]).toMatch(
      /^QS5014 .* the noise of minibatches/,
    );
    expect(
      compiled('require error(logits, relative to: 1, reference: quantized_point) <= 5%').map((x) =>
        x.slice(0, 6),
      ),
    ).toEqual(['QS5016']);
  });

  test('with a probability waits for measurements', () => {
    expect(compiled('require error(logits) <= 5% with probability 0.99')).toEqual([
      'QS6504 nothing shows that the error of logits is what is required: it names a probability, and nothing was measured',
    ]);
  });
});
