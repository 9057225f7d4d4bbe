import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choicesOf } from '../../compiler/allocate/auto/choices.ts';
import { costAt } from '../../compiler/allocate/auto/moves.ts';
import { assignmentOf } from '../../compiler/allocate/auto/plan.ts';
import { deriveWorstCase } from '../../compiler/allocate/auto/worst-case.ts';
import { worstCaseCertificate } from '../../compiler/analysis/certificate/index.ts';
import { proveRequirements } from '../../compiler/analysis/prove/requirements.ts';
import { analyseWorstCase, sharedTensors } from '../../compiler/analysis/worst-case/index.ts';
import { certify } from '../../compiler/certify/index.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import { planFormats } from '../../compiler/lower/plan.ts';
import { lowerTraining } from '../../compiler/lower/training.ts';
import { formatName } from '../../compiler/numeric/format.ts';
import { checkSource, compile } from '../../compiler/pipeline.ts';
import type { Source } from '../../compiler/source/source.ts';
import { cases } from '../support/property.ts';

function sourceOf(require: string, precision = ''): Source {
  const text = `spec small
data glyphs(samples: 192, test: 64, seed: 3) { batch: 16 }
model Net(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(3, kernel: 3, stride: 3) as c1 |> relu |> maxpool(2) |> flatten |> dense(10) as f1
}
train {
  F = forward(Net) |> cross_entropy
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ B ∘ F
  epochs: 1
}
precision {
  ${precision}
  ${require}
}
`;
  return { path: 'small.qspec', text };
}

function specOf(source: Source): CheckedSpec {
  const { value, diagnostics } = checkSource(source);
  if (value === undefined) throw new Error(diagnostics.map(({ message }) => message).join());
  return value;
}

/** Whether the requirements hold at an assignment of widths, by an analysis of its own. */
function holds(spec: CheckedSpec, choices: ReturnType<typeof choicesOf>, widths: readonly number[]): boolean {
  const plan = planFormats(spec, assignmentOf(choices, widths, '')).value;
  const program = plan && lowerTraining(spec, plan).value;
  if (plan === undefined || program === undefined) throw new Error('not lowered');
  return proveRequirements(spec, analyseWorstCase(spec, plan, program, { adjoint: false })).length === 0;
}

function derived(source: Source) {
  const spec = specOf(source);
  const { value, diagnostics } = deriveWorstCase(spec);
  if (value === undefined) throw new Error(diagnostics.map(({ message }) => message).join());
  const compiled = compile(source, { assign: () => ({ value: value.assignment, diagnostics: [] }) }).value;
  if (compiled === undefined) throw new Error('it does not compile');
  const choices = choicesOf(spec, compiled.program);
  const widths = choices.choices.map(({ sites: [site], widths: all }) => {
    const format = value.assignment.formats.get(site?.name ?? '');
    return all.findIndex((bits) => {
      const level = choices.formats.get(site?.name ?? '')?.get(bits);
      return level !== undefined && format !== undefined && formatName(level) === formatName(format);
    });
  });
  return { spec, value, compiled, choices, widths };
}

describe('formats from the worst case', () => {
  test.each([
    'require error(logits, norm: linf, relative to: 1) <= 0.5',
    'require error(logits, relative to: 10) <= 2%\n  require error(loss, relative to: 1) <= 0.2',
    'require error(gradient, relative to: 1, reference: quantized_point) <= 0.2',
    'require error(update, norm: linf, relative to: 1, reference: quantized_point) <= 0.2',
  ])('are certified by a recomputation, and no site can drop a level: %s', (require) => {
    const { spec, value, compiled, choices, widths } = derived(sourceOf(require));
    expect(value.bounds.every(({ met }) => met)).toBe(true);
    const certificate = worstCaseCertificate(compiled, { tool: 'test' });
    expect(certify(spec.source, certificate).discrepancies).toEqual([]);
    expect(value.cost).toBe(costAt(choices, widths));
    expect(value.lowerBound).toBeLessThanOrEqual(value.cost);
    widths.forEach((width, i) => {
      if (width === 0) return;
      const narrower = widths.map((w, j) => (j === i ? w - 1 : w));
      expect(holds(spec, choices, narrower)).toBe(false);
    });
  });

  test('are close to the cheapest of all', () => {
    const levels =
      'levels { 4 to 9: { weights: int per channel, activations: int, gradients: int } }\n  bias: f32';
    const source = sourceOf('require error(logits, norm: linf, relative to: 1) <= 0.6', levels);
    const { spec, value, choices } = derived(source);
    const every = choices.choices.reduce<readonly (readonly number[])[]>(
      (all, { widths }) => all.flatMap((some) => widths.map((_, w) => [...some, w])),
      [[]],
    );
    const best = every
      .map((widths) => ({ widths, cost: costAt(choices, widths) }))
      .sort((a, b) => a.cost - b.cost)
      .find(({ widths }) => holds(spec, choices, widths));
    expect(value.lowerBound).toBeLessThanOrEqual(best?.cost ?? 0);
    expect(value.cost).toBeLessThanOrEqual(1.05 * (best?.cost ?? 0));
  }, 120_000);

  test('are none where even the widest levels are too coarse', () => {
    const spec = specOf(sourceOf('require error(logits, relative to: 1) <= 1e-9'));
    const { value, diagnostics } = deriveWorstCase(spec);
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ code }) => code)).toEqual(['QS5010']);
    expect(diagnostics[0]?.message).toMatch(/the widest reach [\d.e-]+, most of it from float32 rounding/);
  });
});

test('analyses that share tensors give what each gives alone', () => {
  const written = (widths: readonly number[]): string =>
    `weights: int${widths[0]} per channel, activations: int${widths[1]}, gradients: int${widths[2]} stochastic, stored weights: f32`;
  const shared = sharedTensors();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 2, max: 16 }), { minLength: 3, maxLength: 3 }), (widths) => {
      const source = sourceOf('', written(widths));
      const compiled = compile(source).value;
      if (compiled === undefined) throw new Error('it does not compile');
      const { spec, plan, program } = compiled;
      const alone = analyseWorstCase(spec, plan, program);
      const together = analyseWorstCase(spec, plan, program, { shared });
      expect(together.quantities).toEqual(alone.quantities);
    }),
    cases(12, 100),
  );
});
