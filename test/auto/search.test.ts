import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { levelNames } from '../../compiler/allocate/auto/choices.ts';
import { costAt } from '../../compiler/allocate/auto/moves.ts';
import { measuredAssignment, probeRequest } from '../../compiler/allocate/auto/plan.ts';
import { type AutoProblem, autoProblem, shareOfRequirement } from '../../compiler/allocate/auto/problem.ts';
import { allocateAuto } from '../../compiler/allocate/auto/search.ts';
import { deriveAssignment, type Sensitivities } from '../../compiler/allocate/auto/sensitivities.ts';
import { additiveProblem } from '../../compiler/allocate/auto/surrogate.ts';
import { CURVE, type SensitivityTable } from '../../compiler/analysis/probability/table.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import { planFormats } from '../../compiler/lower/plan.ts';
import { lowerTraining } from '../../compiler/lower/training.ts';
import { formatName } from '../../compiler/numeric/format.ts';
import { checkSource, hashOf } from '../../compiler/pipeline.ts';
import { SEED } from '../support/property.ts';
import { SMALL_AUTO_SPEC } from './small-auto-spec.ts';

function specOf(text: string): CheckedSpec {
  const { value, diagnostics } = checkSource({ path: 'small.qspec', text });
  if (value === undefined) throw new Error(diagnostics.map(({ message }) => message).join());
  return value;
}

/** A table whose first-order variances fall by four a bit, with one kink whose switches go as the root of the forward error. */
function table(
  spec: CheckedSpec,
  reference: 'real' | 'quantized_point',
  weights: readonly number[],
): SensitivityTable {
  const request = probeRequest(spec);
  const quantities = request?.references.get(reference) ?? [];
  const written = spec.precision.sites.flatMap(({ name, choice }) =>
    choice.kind === 'auto' || choice.format.element.kind === 'f32' ? [] : [[name, [choice.format]] as const],
  );
  const sites = [...(request?.levels ?? []), ...written]
    .filter(([site]) => reference === 'real' || site.endsWith('grad'))
    .map(([site, formats]) => ({ site, levels: formats.map(formatName).filter((name) => name !== 'f32') }));
  const variances = sites.map(({ levels }, i) =>
    levels.map((_, level) => (weights[i % weights.length] ?? 1) * 4 ** -level),
  );
  const curve = CURVE.map((k) => 1e-3 * 2 ** k);
  const zero = CURVE.map(() => 0);
  const entry = {
    norm: 1,
    rms: 0.1,
    quantileFactor: 1.3,
    sites: variances,
    switches: [reference === 'real' ? curve : zero],
    bias: [
      [0, 0],
      [0, 0],
    ],
    backward: [zero],
    forward: [zero],
  };
  // Saturates, as Adam's first steps do; stored parameters add nothing here.
  const update = {
    ...entry,
    sites: variances.map((row) => row.map(() => 0)),
    switches: [],
    bias: [],
    backward: [],
    forward: [],
    ofGradient: CURVE.map((k) => 1e-2 * Math.min(1, 2 ** (k - 2))),
  };
  return {
    version: 1,
    reference,
    nearest: 'uniform',
    probability: 0.99,
    passes: 8,
    seed: 1,
    sites: sites.map(({ site, levels }) => ({ site, levels, planned: levels.at(-1) ?? '' })),
    kinks: ['relu_1'],
    batches: [
      {
        batch: 'one',
        quantities: Object.fromEntries(
          [...quantities, 'gradient'].map((quantity) => [quantity, quantity === 'update' ? update : entry]),
        ),
        forward: [{ reference: 1e-4, sites: variances.map((row) => row.map((v) => v * 1e-2)) }],
      },
    ],
    noiseFloor: { gradient: 1 },
  };
}

function problemOf(text: string, weights: readonly number[]): { spec: CheckedSpec; problem: AutoProblem } {
  const spec = specOf(text);
  const request = probeRequest(spec);
  if (request === undefined) throw new Error('nothing to derive');
  const plan = planFormats(spec, request.assignment).value;
  const program = plan && lowerTraining(spec, plan).value;
  if (program === undefined) throw new Error('no program');
  const tables = new Map(
    [...request.references.keys()].map((reference) => [reference, table(spec, reference, weights)] as const),
  );
  return { spec, problem: autoProblem(spec, program, tables) };
}

const shares = (problem: AutoProblem, widths: readonly number[]): readonly number[] => {
  const names = levelNames(problem, widths);
  return problem.requirements.map((requirement) => shareOfRequirement(requirement, names).share);
};

const WEIGHTS = fc.array(fc.double({ min: 1e-6, max: 10, noNaN: true }), { minLength: 3, maxLength: 9 });

describe('allocation from measured sensitivities', () => {
  test('meets every requirement, at no more than the lower bound needs, and leaves no choice that can step down', () => {
    fc.assert(
      fc.property(WEIGHTS, (weights) => {
        const { problem } = problemOf(SMALL_AUTO_SPEC, weights);
        const found = allocateAuto(problem, [1, 1]);
        if (found.status !== 'allocated') throw new Error('f32 meets everything');
        expect(Math.max(...shares(problem, found.widths))).toBeLessThanOrEqual(1);
        expect(found.lowerBound).toBeLessThanOrEqual(found.cost);
        expect(found.cost).toBe(costAt(problem, found.widths));
        found.widths.forEach((width, i) => {
          if (width === 0) return;
          const narrower = found.widths.map((w, j) => (j === i ? w - 1 : w));
          expect(Math.max(...shares(problem, narrower))).toBeGreaterThan(1);
        });
      }),
      { seed: SEED, numRuns: 4 },
    );
  });

  test("a requirement on the update is guided by the sites that the gradient's error comes from", () => {
    const text = SMALL_AUTO_SPEC.replace('error(gradient,', 'error(update,');
    fc.assert(
      fc.property(WEIGHTS, fc.integer({ min: 0, max: 6 }), (weights, width) => {
        const { problem } = problemOf(text, weights);
        const widths = problem.choices.map(() => width);
        const [{ contributions = [] } = {}] = additiveProblem(problem, widths, 1).requirements;
        const at = (level: number) =>
          contributions.reduce((sum, { values }) => sum + (values[level] ?? 0), 0);
        // Exact where it was made, and falling with the width.
        expect(at(width)).toBeCloseTo((shares(problem, widths)[0] ?? Number.NaN) ** 2, 12);
        expect(at(width + 1)).toBeLessThan(at(width));
      }),
      { seed: SEED, numRuns: 20 },
    );
  });

  test('formats that are written down cost what they cost', () => {
    const text = SMALL_AUTO_SPEC.replace('precision {', 'precision {\n  f1.weights: int3 per channel');
    const { problem } = problemOf(text, [1, 2, 3]);
    const widest = problem.choices.map(({ widths }) => widths.length - 1);
    const [gradient = 0, logits = 0] = shares(problem, widest);
    // Everything else is f32, and the gradient at the quantized point does not see F.
    expect(gradient).toBe(0);
    expect(logits).toBeGreaterThan(0);
    const found = allocateAuto(problem, [1, 1 + logits]);
    if (found.status !== 'allocated') throw new Error('it fits');
    expect(found.lowerBound).toBeLessThanOrEqual(found.cost);
    expect(allocateAuto(problem, [1, 0.9 * logits]).status).toBe('infeasible');
  });

  test('finds an optimum among all assignments of a few sites', () => {
    const text = SMALL_AUTO_SPEC.replace('2 to 12', '2 to 5').replace(
      '  require error(gradient, reference: quantized_point) <= 10% with probability 0.99\n',
      '',
    );
    const few = text
      .replace('<= 10% with', '<= 60% with')
      .replace('precision {', 'precision {\n  f1.bias: f32\n  f2.bias: f32\n  f2.in: f32');
    fc.assert(
      fc.property(WEIGHTS, (weights) => {
        const { problem } = problemOf(few, weights);
        expect(problem.choices).toHaveLength(3);
        const found = allocateAuto(problem, [1]);
        if (found.status !== 'allocated') throw new Error('f32 meets everything');
        const every = problem.choices.reduce<readonly (readonly number[])[]>(
          (all, { widths }) => all.flatMap((some) => widths.map((_, w) => [...some, w])),
          [[]],
        );
        const feasible = every.filter((widths) => Math.max(...shares(problem, widths)) <= 1);
        const best = Math.min(...feasible.map((widths) => costAt(problem, widths)));
        expect(found.lowerBound).toBeLessThanOrEqual(best);
        // The search is no proof: it may miss the optimum, but not by more than a step of one operation.
        expect(found.cost).toBeLessThanOrEqual(1.25 * best);
      }),
      { seed: SEED, numRuns: 10 },
    );
  });

  test('says which requirement is out of reach, what the widest formats reach, and which sites cost most', () => {
    const text = SMALL_AUTO_SPEC.replace('    32: f32\n', '').replace('logits) <= 10%', 'logits) <= 0.001%');
    const spec = specOf(text);
    const references = ['quantized_point', 'real'] as const;
    const file: Sensitivities = {
      kind: 'qspec sensitivities',
      version: 1,
      spec: hashOf(spec.source),
      parameters: 'made up',
      tables: references.map((reference) => table(spec, reference, [1, 3, 2])),
      margin: [1, 1],
    };
    const { value, diagnostics } = deriveAssignment(spec, file);
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ code }) => code)).toEqual(['QS5010']);
    expect(diagnostics[0]?.message).toMatch(
      /^no formats within the levels keep the error of logits at 0.001 %: the widest reach [\d.]+ %, most of it from \S+ at .*int12/,
    );
  });

  test('refuses sensitivities that lack a level of the spec', () => {
    const spec = specOf(SMALL_AUTO_SPEC);
    const wider = specOf(SMALL_AUTO_SPEC.replace('2 to 12', '2 to 13'));
    const tables = (['quantized_point', 'real'] as const).map((reference) => table(spec, reference, [1]));
    const file: Sensitivities = {
      kind: 'qspec sensitivities',
      version: 1,
      spec: hashOf(spec.source),
      parameters: 'made up',
      tables,
      margin: [1, 1],
    };
    expect(deriveAssignment(spec, file).diagnostics).toEqual([]);
    expect(deriveAssignment(wider, file).diagnostics.map(({ message }) => message)).toEqual([
      "the sensitivities beside the spec do not fit it: 'int13 stochastic' of 'f2.grad' was not measured against 'quantized_point'",
    ]);
  });
});

describe('requirements that nothing is derived from', () => {
  test.each([
    ['logits)', 'logits, norm: linf)', 'it is in the norm linf'],
    ['logits)', 'logits, relative to: noise_floor)', 'the noise floor is one of gradients, not of logits'],
  ])('are refused by name: %s → %s', (from, to, reason) => {
    const spec = specOf(SMALL_AUTO_SPEC.replace(from, to));
    expect(measuredAssignment(spec)?.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      `QS5013 formats cannot be derived from what is required of logits: ${reason}`,
    ]);
  });
});
