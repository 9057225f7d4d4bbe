import { describe, expect, it } from 'vitest';
import {
  type ProbabilityOptions,
  predict,
  type QuantityPrediction,
} from '../../../compiler/analysis/probability/index.ts';
import { raiseOf } from '../../../compiler/analysis/probability/raise.ts';
import { errorProducts, summarize } from '../../../compiler/analysis/probability/statistics.ts';
import { lookup } from '../../../compiler/lower/lookup.ts';
import { normals } from '../../../compiler/numeric/random.ts';
import { confirm } from '../../../runtime/probe/confirm.ts';
import { FULL } from '../../support/property.ts';
import { CNN, MLP, only, referenceEvaluate, type Situation, situation, widths } from './support.ts';

const evaluate = referenceEvaluate(77);

async function predicted(
  { program, point, batch }: Situation,
  options: Partial<ProbabilityOptions> = {},
): Promise<ReadonlyMap<string, QuantityPrediction>> {
  const all = await predict(program, point, [batch], evaluate, { reference: 'real', ...options });
  return only(all).quantities;
}

describe('the quantile', () => {
  it('bounds that of a Gaussian error with a bias, and its mean square is exact', () => {
    // Covariance diag(9, 1, 1, …), bias 2 along the first axis.
    const deviations = Float64Array.from({ length: 20 }, (_, i) => (i === 0 ? 3 : 1));
    const bias = Float64Array.from({ length: 20 }, (_, i) => (i === 0 ? 2 : 0));
    const vector = (i: number) => normals(9, 'error', i, 20).map((n, j) => n * (deviations[j] ?? 0));
    const products = errorProducts(
      Array.from({ length: 400 }, (_, i) => vector(i)),
      bias,
      bias,
    );
    const summary = summarize(products, [{ probability: 0.99, kurtosis: 0 }]);
    expect(Math.abs(summary.rms ** 2 / (28 + 4) - 1)).toBeLessThan(0.1);
    // Var ‖e + b‖² = 2·(81 + 19) + 4·9·4.
    expect(Math.abs(summary.deviation / Math.sqrt(200 + 144) - 1)).toBeLessThan(0.15);
    const norms = Array.from({ length: 4000 }, (_, i) =>
      Math.hypot(...vector(1000 + i).map((x, j) => x + (bias[j] ?? 0))),
    );
    norms.sort((a, b) => a - b);
    const observed = norms[Math.ceil(0.99 * norms.length) - 1] ?? 0;
    expect(summary.quantile).toBeGreaterThan(observed);
    expect(summary.quantile).toBeLessThan(2 * observed);
  });
});

describe('first order', () => {
  it('is exact for the logits of a linear net', async () => {
    const model = 'x |> flatten |> dense(10) as f1';
    const precision = 'weights: int4 per channel stochastic\n activations: f32\n gradients: f32';
    const at = situation({ model, precision }, 4);
    const { rms, bias } = lookup(await predicted(at, { passes: 200 }), 'logits');
    const observed = lookup(
      await confirm(at.program, at.point, at.batch, evaluate, { reference: 'real', draws: 400 }),
      'logits',
    );
    expect(bias).toBe(0);
    // Both are means of hundreds of draws of a sum with dozens of effective terms.
    expect(Math.abs(rms / observed.rms - 1)).toBeLessThan(0.06);
  });

  it('is nothing where nothing is rounded', async () => {
    const precision = 'weights: f32\n activations: f32\n gradients: f32';
    for (const [, p] of await predicted(situation({ model: MLP, precision }, 4), { passes: 2 }))
      expect(p.quantile).toBeLessThan(1e-6 * p.norm);
  });
});

/** Nets, seeds and batches that nothing was tuned on. */
const HELD_OUT = [
  { model: MLP, bits: 8, seed: 21, train: undefined },
  { model: MLP, bits: 4, seed: 22, train: undefined },
  { model: CNN, bits: 8, seed: 23, train: undefined },
  { model: CNN, bits: 5, seed: 24, train: 'U = adam(lr: 1e-3)\n  T = U ∘ B ∘ F' },
] as const;
const DRAWS = FULL ? 2000 : 200;

describe.each(HELD_OUT)('the prediction for $bits bits, seed $seed', ({ model, bits, seed, train }) => {
  const at = situation({ model, precision: widths(bits), batch: 8, ...(train ? { train } : {}) }, seed);

  it('covers real steps as often as it says, without switches it does not', async () => {
    const full = await predicted(at, { seed });
    const first = await predicted(at, { seed, switches: false });
    const observed = await confirm(at.program, at.point, at.batch, evaluate, {
      reference: 'real',
      draws: DRAWS,
    });
    // Violations of a 99 % quantile: 1 in 100, and three deviations of the binomial more.
    const allowed = 0.01 * DRAWS + 3 * Math.sqrt(0.01 * 0.99 * DRAWS);
    for (const [quantity, p] of full) {
      const { errors, rms } = lookup(observed, quantity);
      expect(errors.filter((e) => e > p.quantile).length, quantity).toBeLessThanOrEqual(allowed);
      if (quantity === 'loss') continue;
      expect(p.rms / rms, quantity).toBeGreaterThan(0.75);
      expect(p.rms / rms, quantity).toBeLessThan(1.4);
    }
    const gradient = 'gradient';
    expect(lookup(first, gradient).rms / lookup(observed, gradient).rms).toBeLessThan(0.9);
    expect(lookup(full, 'logits').rms / lookup(first, 'logits').rms).toBeLessThan(1.15);
  });

  it('for the exact gradient at the quantized point counts sites of B only', async () => {
    const p = await predicted(at, { reference: 'quantized_point', seed });
    expect(lookup(p, 'logits').rms).toBe(0);
    const observed = await confirm(at.program, at.point, at.batch, evaluate, {
      reference: 'quantized_point',
      draws: DRAWS / 3,
    });
    const { rms } = lookup(observed, 'gradient');
    // The forward pass at which it is predicted is one draw, those of the steps are others.
    expect(lookup(p, 'gradient').rms / rms).toBeGreaterThan(0.75);
    expect(lookup(p, 'gradient').rms / rms).toBeLessThan(1.4);
  });
});

describe('held against real steps', () => {
  it('covers what products of errors add at two bits, which passes alone do not', async () => {
    const at = situation({ model: MLP, precision: widths(2), batch: 8 }, 41);
    const observed = await confirm(at.program, at.point, at.batch, evaluate, {
      reference: 'real',
      draws: 200,
    });
    const above = (p: ReadonlyMap<string, QuantityPrediction>, quantity: string): number =>
      lookup(observed, quantity).errors.filter((e) => e > lookup(p, quantity).quantile).length;
    const [passes, raised] = [
      await predicted(at, { seed: 41, realSteps: 0 }),
      await predicted(at, { seed: 41 }),
    ];
    for (const quantity of ['gradient', 'update']) {
      expect(above(passes, quantity)).toBeGreaterThan(40);
      expect(above(raised, quantity)).toBeLessThanOrEqual(2);
      expect(lookup(passes, quantity).raised).toBe(1);
      expect(lookup(raised, quantity).raised).toBeGreaterThan(1.3);
    }
  });

  it('is raised by many larger errors, not by one, and never lowered', () => {
    const sixteen = (square: (i: number) => number) => Array.from({ length: 16 }, (_, i) => square(i));
    expect(raiseOf(sixteen(() => 4))).toBe(2);
    expect(raiseOf(sixteen((i) => (i === 0 ? 64 : 0)))).toBe(1);
    expect(raiseOf(sixteen(() => 0.25))).toBe(1);
    expect(raiseOf([])).toBe(1);
  });
});

describe('rounding to nearest', () => {
  it('is a model of the one error that it makes', async () => {
    const precision = 'weights: int6 per channel\n activations: int6\n gradients: int6';
    const at = situation({ model: MLP, precision, batch: 8 }, 31);
    const observed = await confirm(at.program, at.point, at.batch, evaluate, { reference: 'real', draws: 2 });
    for (const nearest of ['uniform', 'error'] as const) {
      const p = lookup(await predicted(at, { nearest }), 'logits');
      const { errors } = lookup(observed, 'logits');
      expect(errors[0]).toBe(errors[1]);
      expect(errors[0] ?? 0).toBeLessThan(p.quantile);
      expect(errors[0] ?? 0).toBeGreaterThan(p.rms / 2.5);
    }
  });
});
