import { afterEach, describe, expect, test, vi } from 'vitest';
import { paperRequest } from '../../compiler/allocate/rules/paper.ts';
import { toleranceRequest } from '../../compiler/allocate/rules/tolerance.ts';
import { lookup } from '../../compiler/lower/lookup.ts';
import type { Derivation } from '../../runtime/auto/derive.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { evaluatorOn } from '../../runtime/probe/evaluator.ts';
import { SMALL_AUTO_SPEC } from '../auto/small-auto-spec.ts';
import { FULL } from '../support/property.ts';
import { bitsOf, derived, initialSituation, record, SEED, specOf } from './naive-laws.ts';
import {
  curvatureGraph,
  exactProgram,
  gainOf,
  paperSignals,
  signalsAt,
  toleranceSignals,
} from './naive-laws-signals.ts';

/** log₂ of the factor by which every loss is multiplied before it is differentiated. */
const lossScale = vi.hoisted(() => ({ exponent: 0 }));

/** Two factors, neither of them 1, so that all scales have one graph: streams of random signs are named after its values. */
const FIRST = 7;

vi.mock(import('../../compiler/lower/differentiate.ts'), async (original) => {
  const { differentiate } = await original();
  const { nodeOf } = await import('../../compiler/ir/graph.ts');
  const { scale } = await import('../../compiler/ops/algebra.ts');
  return {
    differentiate: (builder, loss, ...rest) => {
      const { origin } = nodeOf(builder, loss);
      if (origin.phase !== 'F' || origin.name !== 'loss') return differentiate(builder, loss, ...rest);
      const scaled = builder.at(origin, () =>
        scale(builder, scale(builder, loss, 2 ** FIRST), 2 ** (lossScale.exponent - FIRST)),
      );
      return differentiate(builder, scaled, ...rest);
    },
  };
});

afterEach(() => vi.restoreAllMocks());

const EXPONENTS = [-20, -3, 5, 20];
const SWEEP = FULL ? Array.from({ length: 41 }, (_, i) => i - 20) : EXPONENTS;

/** Requirements relative to the gradient's norm, to its noise, and on the logits. */
const SPEC = SMALL_AUTO_SPEC.replace(
  '  require error(logits)',
  '  require error(gradient, relative to: noise_floor, reference: quantized_point) <= 12% with probability 0.99\n  require error(logits)',
);

async function atScale(text: string, exponent: number): Promise<Derivation> {
  lossScale.exponent = exponent;
  return derived(await initialSituation(specOf(text)));
}

/** ‖g‖ of the first batch, as the table of the gradient's errors has it. */
function normOf({ tables }: Derivation): number {
  return lookup(tables, 'quantized_point').batches[0]?.quantities['gradient']?.norm ?? Number.NaN;
}

/** Predicted errors relative to what they are required relative to. */
function relative({ predictions }: Derivation): readonly number[] {
  return predictions.map(({ quantile, unit }) => quantile / unit);
}

describe('the loss times 2ᵏ', () => {
  test('changes no derived bit and no relative bound, to the last digit', async () => {
    const unscaled = await atScale(SPEC, 0);
    for (const exponent of [-20, 5]) {
      const scaled = await atScale(SPEC, exponent);
      expect(normOf(scaled)).toBe(2 ** exponent * normOf(unscaled));
      expect(bitsOf(scaled)).toEqual(bitsOf(unscaled));
      expect(scaled.allocation.cost).toBe(unscaled.allocation.cost);
      expect(scaled.allocation.lowerBound).toBe(unscaled.allocation.lowerBound);
      expect(scaled.margin).toEqual(unscaled.margin);
      expect(relative(scaled)).toEqual(relative(unscaled));
    }
  });

  test('over many powers of two', async () => {
    const unscaled = await atScale(SMALL_AUTO_SPEC, 0);
    record('0', ...bitsOf(unscaled).values());
    for (const exponent of SWEEP) {
      const scaled = await atScale(SMALL_AUTO_SPEC, exponent);
      record(`${exponent}`, ...bitsOf(scaled).values());
      expect(normOf(scaled)).toBe(2 ** exponent * normOf(unscaled));
      expect(bitsOf(scaled)).toEqual(bitsOf(unscaled));
      expect(relative(scaled)).toEqual(relative(unscaled));
    }
  });

  test('changes bits where formats have a grid of their own, for their cotangents underflow', async () => {
    const own = SMALL_AUTO_SPEC.replace(
      /2 to 12: .*/,
      '8: { weights: int8 per channel, activations: int8, gradients: e5m2 scale(none) stochastic }\n    16: { weights: int16 per channel, activations: int16, gradients: fp16 scale(none) stochastic }',
    ).replace('  require', '  f2.bias.grad: int8 stochastic\n  require');
    const [unscaled, scaled] = [bitsOf(await atScale(own, 0)), bitsOf(await atScale(own, -20))];
    record('0', ...unscaled.values());
    record('-20', ...scaled.values());
    for (const site of ['f1.grad', 'f2.grad']) {
      expect(lookup(unscaled, site)).toBe(16);
      expect(lookup(scaled, site)).toBe(32);
    }
  });

  test('takes k bits from the published minimum and none from what either rule asks of a layer', async () => {
    const requests = [];
    const evaluator = evaluatorOn(createReferenceEngine(), SEED);
    for (const exponent of [0, ...EXPONENTS]) {
      lossScale.exponent = exponent;
      const spec = specOf(SPEC);
      const program = exactProgram(spec);
      const situation = await initialSituation(spec);
      const point = situation.pointOf(program);
      const batches = situation.batchesOf(program);
      const signals = await signalsAt(program, curvatureGraph(program), point, batches, evaluator.evaluate);
      const paper = paperRequest(paperSignals(program, point, gainOf(spec, program, point), signals));
      const tolerance = toleranceSignals(program, point, signals).map((layer) =>
        toleranceRequest(layer, 0.1),
      );
      record(`${exponent}`, paper.minimum, ...paper.layers, ...tolerance);
      requests.push({ exponent, paper, tolerance });
    }
    await evaluator.dispose();
    const [unscaled] = requests;
    for (const { exponent, paper, tolerance } of requests) {
      const shifted = (unscaled?.paper.minimum ?? Number.NaN) - exponent;
      // At 2⁻²⁰ the gradient is as small as ε, which no longer only keeps a quotient from 0/0.
      if (exponent > -20) expect(paper.minimum).toBe(shifted);
      else expect(paper.minimum).toBeGreaterThanOrEqual(shifted);
      expect(paper.layers).toEqual(unscaled?.paper.layers);
      expect(tolerance).toEqual(unscaled?.tolerance);
    }
  });
});
