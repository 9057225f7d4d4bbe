import { describe, expect, it } from 'vitest';
import type { Quantity } from '../../compiler/analysis/probability/index.ts';
import { lookup } from '../../compiler/lower/lookup.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import { loadDataset } from '../../runtime/data/dataset.ts';
import type { Engine } from '../../runtime/engines/engine.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { probeBatches, probePoint } from '../../runtime/probe/batches.ts';
import { empiricalQuantile } from '../../runtime/probe/confirm.ts';
import { probeEngine } from '../../runtime/probe/evaluator.ts';
import { type ProbeSetting, probe, probeConfirm, probeTable, worst } from '../../runtime/probe/probe.ts';
import { initialState } from '../../runtime/train/state.ts';
import { compileText } from '../support/compile.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';

const compiled: Compiled = compileText(
  SMALL_SPEC.replace('weights: int8 per channel', 'weights: int8 per channel stochastic')
    .replace('activations: int8', 'activations: int8 stochastic')
    .replace('eval { weights: [int4, int2], noise: [0.1] }', ''),
);
const dataset = await loadDataset(compiled.spec.data);
const point = probePoint(compiled.program, initialState(compiled.program, 2), {
  step: 1,
  stepsPerEpoch: 22,
  epochs: 2,
});

function settingOn(engine: Engine): ProbeSetting {
  return { compiled, point, dataset, engine, batches: 2, seed: 6 };
}

describe('probe batches', () => {
  it('are those that training reads, named', () => {
    const batches = probeBatches(compiled.spec, compiled.program, dataset, 3, 6);
    expect(batches.map((b) => b.name)).toEqual([0, 1, 2].map((step) => `seed 6 epoch 0 step ${step}`));
    expect(probeBatches(compiled.spec, compiled.program, dataset, 3, 6)).toEqual(batches);
    expect(batches[0]?.tensors.get('x')?.shape).toEqual([8, 1, 28, 28]);
  });
});

describe('probing on an engine', () => {
  it('predicts, on whichever engine loads, what the reference evaluator predicts', async () => {
    const options = { reference: 'real', passes: 3 } as const;
    const engine = await probeEngine(1);
    const fast = await probe(settingOn(engine), options);
    const exact = await probe(settingOn(createReferenceEngine()), options);
    await engine.dispose();
    exact.forEach(({ quantities }, i) => {
      for (const [quantity, { rms }] of quantities) {
        const other = fast[i]?.quantities.get(quantity)?.rms ?? Number.NaN;
        // Float32 moves a code or two between its neighbours.
        expect(Math.abs(other - rms), quantity).toBeLessThan(0.05 * rms + 1e-7);
      }
    });
  });

  it('confirms what it predicts, batch norm and stored formats included', async () => {
    const engine = await probeEngine(1);
    const setting = settingOn(engine);
    const predictions = await probe(setting, { reference: 'real' });
    const confirmed = await probeConfirm(setting, { reference: 'real', draws: 200 });
    await engine.dispose();
    predictions.forEach(({ quantities }, i) => {
      const observed = confirmed[i]?.observed ?? new Map<Quantity, never>();
      for (const quantity of ['logits', 'gradient', 'update']) {
        const o = lookup(observed, quantity);
        const p = lookup(quantities, quantity);
        expect(p.rms / o.rms, quantity).toBeGreaterThan(0.75);
        expect(p.rms / o.rms, quantity).toBeLessThan(1.4);
        expect(p.quantile, quantity).toBeGreaterThanOrEqual(empiricalQuantile(o, 0.99));
      }
    });
    const { relative, spread, batch } = worst(predictions, 'gradient');
    expect(relative).toBeGreaterThan(0);
    expect(spread).toBeGreaterThanOrEqual(1);
    expect(predictions.map((p) => p.batch)).toContain(batch);
  });

  it('measures a table with the noise floor of its batches', async () => {
    const engine = await probeEngine(1);
    const table = await probeTable(settingOn(engine), {
      reference: 'quantized_point',
      passes: 2,
      levels: new Map(),
    });
    await engine.dispose();
    expect(table.sites.map((s) => s.site).sort()).toEqual(
      [...compiled.plan.sites.values()]
        .filter(({ site, format }) => format.element.kind !== 'f32' && /grad|stored/.test(site.kind))
        .map(({ site }) => site.name)
        .sort(),
    );
    expect(table.noiseFloor['gradient']).toBeGreaterThan(0);
    expect(table.kinks).toEqual([]);
  });
});
