import { describe, expect, it } from 'vitest';
import {
  additiveRequirement,
  type LevelAssignment,
  type Levels,
  measure,
  modelError,
  modelErrors,
  predict,
  type SensitivityTable,
} from '../../../compiler/analysis/probability/index.ts';
import { noiseFloors } from '../../../compiler/analysis/probability/noise-floor.ts';
import { CURVE, interpolate } from '../../../compiler/analysis/probability/table.ts';
import { lookup } from '../../../compiler/lower/lookup.ts';
import type { TrainingProgram } from '../../../compiler/lower/program.ts';
import { type Format, formatName } from '../../../compiler/numeric/format.ts';
import { confirm } from '../../../runtime/probe/confirm.ts';
import { randomBatch } from '../../support/run-program.ts';
import { CNN, only, referenceEvaluate, situation, widths } from './support.ts';

const evaluate = referenceEvaluate(5);
const BITS = [4, 6, 8];
const QUANTITIES = ['logits', 'loss', 'gradient', 'gradient:c1.weights', 'update'];

/** Every quantized site at each width. */
function levelsOf({ plan }: TrainingProgram): Levels {
  return new Map(
    [...plan.sites.values()].flatMap(({ site, format }) =>
      format.element.kind === 'int' ? [[site.name, BITS.map((bits) => withBits(format, bits))] as const] : [],
    ),
  );
}

function withBits(format: Format, bits: number): Format {
  return format.element.kind === 'int' ? { ...format, element: { ...format.element, bits } } : format;
}

function assignmentOf(program: TrainingProgram, bitsOf: (site: string) => number): LevelAssignment {
  return new Map(
    [...levelsOf(program).keys()].map((site) => {
      const { format } = lookup(program.plan.sites, site);
      return [site, formatName(withBits(format, bitsOf(site)))];
    }),
  );
}

const at = situation({ model: CNN, precision: widths(8), batch: 8 }, 41);
const other = { name: 'another', tensors: randomBatch(at.program, 42) };
const levels = levelsOf(at.program);
const table = await measure(at.program, at.point, [at.batch, other], evaluate, {
  reference: 'real',
  levels,
  quantities: QUANTITIES,
});

describe('the sensitivity table', () => {
  it('is plain data', () => {
    expect(JSON.parse(JSON.stringify(table)) as SensitivityTable).toEqual(table);
    expect(table.sites.map((s) => s.site)).toContain('c1.grad');
    expect(table.batches.map((b) => b.batch)).toEqual(['random 41', 'another']);
  });

  it('models at the planned formats what is predicted there', async () => {
    const predictions = await predict(at.program, at.point, [at.batch], evaluate, {
      reference: 'real',
      seed: 3,
    });
    const { quantities } = only(predictions);
    for (const quantity of QUANTITIES) {
      const [first] = modelErrors(
        table,
        quantity,
        assignmentOf(at.program, () => 8),
      );
      const ratio = (first?.rms ?? 0) / lookup(quantities, quantity).rms;
      expect(ratio, quantity).toBeGreaterThan(0.7);
      expect(ratio, quantity).toBeLessThan(1.4);
    }
  });

  it.each([
    ['4 bits', () => 4],
    ['few bits in B', (site: string) => (site.endsWith('grad') ? 4 : 8)],
    ['few bits in F', (site: string) => (site.endsWith('grad') ? 8 : 4)],
    ['mixed bits', (site: string) => BITS[site.length % 3] ?? 8],
  ])('models real steps at %s', async (_, bitsOf) => {
    // The same step with other formats: the plan of a spec that names them.
    const names = [...levels.keys()];
    const text = names.map((site) => {
      const { element } = lookup(at.program.plan.sites, site).format;
      const name = element.kind === 'int' && !element.signed ? 'uint' : 'int';
      return `${site}: ${name}${bitsOf(site)} ${site.endsWith('weights') ? 'per channel ' : ''}stochastic`;
    });
    const { program } = situation(
      { model: CNN, precision: `${widths(8)}\n${text.join('\n')}`, batch: 8 },
      41,
    );
    const observed = await confirm(program, at.point, at.batch, evaluate, { reference: 'real', draws: 60 });
    for (const quantity of ['logits', 'gradient', 'update']) {
      const [first] = modelErrors(table, quantity, assignmentOf(at.program, bitsOf));
      const ratio = (first?.rms ?? 0) / lookup(observed, quantity).rms;
      expect(ratio, quantity).toBeGreaterThan(0.7);
      expect(ratio, quantity).toBeLessThan(1.4);
    }
  });

  it('never gains from a site with fewer bits, and is at least its additive part', () => {
    const wide = assignmentOf(at.program, () => 8);
    for (const quantity of QUANTITIES) {
      const before = modelErrors(table, quantity, wide);
      for (const site of levels.keys()) {
        const narrower = assignmentOf(at.program, (s) => (s === site ? 4 : 8));
        modelErrors(table, quantity, narrower).forEach((error, i) => {
          expect(error.expected).toBeGreaterThanOrEqual(before[i]?.expected ?? 0);
          expect(error.additive).toBeLessThanOrEqual(error.expected);
        });
      }
    }
  });

  it('gives the allocator a necessary condition that adds up over sites', () => {
    const assignment = assignmentOf(at.program, (site) => (site.endsWith('grad') ? 6 : 8));
    const { quantile, batch } = modelError(table, 'gradient', assignment, 'noise_floor');
    const conditions = additiveRequirement(table, 'gradient', quantile, 'noise_floor');
    const weights = conditions.find((c) => c.batch === batch)?.weights ?? [];
    const total = table.sites.reduce((sum, { site, levels: names }, i) => {
      return sum + (weights[i]?.[names.indexOf(lookup(assignment, site))] ?? 0);
    }, 0);
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThanOrEqual(1);
  });

  it('counts nothing where every site is f32 or left out, and knows no level that was not measured', () => {
    expect(modelError(table, 'gradient', new Map(), 'absolute').rms).toBe(0);
    expect(modelError(table, 'gradient', new Map([['c1.in', 'f32']]), 'absolute').rms).toBe(0);
    expect(() => modelErrors(table, 'gradient', new Map([['c1.in', 'int3']]))).toThrow('int3');
    expect(() => modelErrors(table, 'accuracy', new Map())).toThrow('accuracy');
  });
});

describe('the table of an update by Adam', () => {
  it('saturates where its direction is the sign of the gradient', async () => {
    const adam = situation(
      { model: CNN, precision: widths(8), batch: 8, train: 'U = adam(lr: 1e-3)\n  T = U ∘ B ∘ F' },
      41,
    );
    const options = { reference: 'real', levels, quantities: ['update'] } as const;
    const measured = await measure(adam.program, adam.point, [adam.batch], evaluate, options);
    const few = (site: string) => (site.endsWith('grad') ? 8 : 4);
    const wide = modelError(
      measured,
      'update',
      assignmentOf(adam.program, () => 8),
      'norm',
    );
    const narrow = modelError(measured, 'update', assignmentOf(adam.program, few), 'norm');
    const gradient = modelError(measured, 'gradient', assignmentOf(adam.program, few), 'norm');
    expect(narrow.rms).toBeGreaterThan(wide.rms);
    // Two independent signs differ by √2 in the root mean square.
    expect(narrow.rms).toBeLessThan(Math.SQRT2);
    expect(gradient.rms).toBeGreaterThan(0);
    // A condition on the gradient follows from the curve; it holds where the update is within the tolerance.
    const conditions = additiveRequirement(measured, 'update', narrow.quantile, 'norm');
    for (const { weights } of conditions) {
      const total = measured.sites.reduce((sum, { site, levels: names }, i) => {
        return sum + (weights[i]?.[names.indexOf(lookup(assignmentOf(adam.program, few), site))] ?? 0);
      }, 0);
      expect(total).toBeLessThanOrEqual(1);
    }
  });
});

describe('a curve', () => {
  it('meets its points and follows powers between them', () => {
    const square = CURVE.map((k) => 4 ** k);
    expect(interpolate(square, 1)).toBe(1);
    expect(interpolate(square, 3)).toBeCloseTo(9);
    expect(interpolate(square, 0)).toBe(0);
    expect(interpolate(square, 2 ** 40)).toBe(4 ** 12);
  });
});

describe('the noise floor', () => {
  it('is the larger of the gradient and the noise of a minibatch', () => {
    const gradient = (values: readonly number[]) =>
      new Map([['gradient:w', { shape: [values.length], data: Float64Array.from(values) }]]);
    // Mean (3, 0), deviations ±1 in the second element: tr Σ/B = 2, ‖g‖² = 9 − 1.
    const floors = noiseFloors([gradient([3, 1]), gradient([3, -1])]);
    expect(floors['gradient']).toBeCloseTo(Math.sqrt(8), 4);
    expect(floors['gradient:w']).toBeCloseTo(Math.sqrt(8), 4);
    expect(noiseFloors([gradient([0, 1]), gradient([0, -1])])['gradient']).toBeCloseTo(Math.sqrt(2), 4);
    expect(noiseFloors([gradient([1])])).toEqual({});
  });
});
