import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate } from '../../compiler/allocate/allocate.ts';
import { contractStages } from '../../compiler/allocate/contract.ts';
import { tabulate } from '../../compiler/allocate/cost.ts';
import { toIntegers } from '../../compiler/allocate/integers.ts';
import { modelOf } from '../../compiler/allocate/model.ts';
import { maximizeBound } from '../../compiler/allocate/multipliers.ts';
import type { AllocationProblem, AllocationSite } from '../../compiler/allocate/problem.ts';
import { relax } from '../../compiler/allocate/relaxation.ts';
import { Search } from '../../compiler/allocate/search.ts';
import { type Stage, stagesOf } from '../../compiler/allocate/stages.ts';
import { cases } from '../support/property.ts';
import { bruteForce, problems } from './problems.ts';

/** The whole-number model of a problem with its stages as they are and contracted; undefined where no width is left. */
function prepare(problem: AllocationProblem) {
  const model = modelOf(problem);
  if ('status' in model) return undefined;
  const integers = toIntegers(model);
  const stages = stagesOf(integers);
  if (!stages) throw new Error('a small problem has small tables');
  return {
    stages,
    contracted: contractStages(stages),
    bounds: integers.constraints.map(({ bound }) => bound),
    unit: integers.objectiveUnit,
  };
}

function leastObjective(stages: readonly Stage[], bounds: readonly number[]): number {
  const { relaxation } = maximizeBound(stages, bounds);
  const { found, leftOut } = new Search(stages, bounds, [relaxation]).run(Infinity, Infinity);
  expect(leftOut).toBe(Infinity);
  return found?.objective ?? Infinity;
}

describe('the search', () => {
  test('finds the same variable by variable as over contracted stages', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const prepared = prepare(problem);
        if (!prepared) return;
        const { stages, contracted, bounds, unit } = prepared;
        const least = leastObjective(stages, bounds);
        expect(leastObjective(contracted, bounds)).toBe(least);
        expect(least * unit).toBe(bruteForce(problem)?.objective ?? Infinity);
      }),
      cases(400),
    );
  });

  test('has a lower bound at any multipliers, and its best is no worse than at 0', () => {
    const multiplier = fc.double({ min: 0, max: 4, noNaN: true });
    fc.assert(
      fc.property(problems, fc.array(multiplier, { minLength: 3, maxLength: 3 }), (problem, multipliers) => {
        const prepared = prepare(problem);
        const best = bruteForce(problem);
        if (!prepared || !best) return;
        const { stages, bounds, unit } = prepared;
        const at = (lambdas: readonly number[]) => relax(stages, bounds, lambdas).bound * unit;
        const zero = bounds.map(() => 0);
        const largest = maximizeBound(stages, bounds).relaxation.bound * unit;
        expect(at(multipliers.slice(0, bounds.length))).toBeLessThanOrEqual(best.objective);
        expect(largest).toBeLessThanOrEqual(best.objective);
        expect(largest).toBeGreaterThanOrEqual(at(zero));
      }),
      cases(400),
    );
  });
});

describe('what a caller can hand in', () => {
  const sites = Array.from(
    { length: 12 },
    (_, i): AllocationSite => ({ name: `s${i}`, levels: [2, 4, 8, 16] }),
  );
  const [first, second] = sites as [AllocationSite, AllocationSite];
  const empty: AllocationProblem = { sites, ties: [], limits: [], objective: [], requirements: [] };

  test('nothing to minimize and nothing required gives the narrowest widths', () => {
    const found = allocate(empty);
    if (found.status !== 'optimal') expect.fail(found.status);
    expect([...found.bits.values()]).toEqual(sites.map(() => 2));
  });

  test('no sites are an empty allocation', () => {
    expect(allocate({ ...empty, sites: [] })).toMatchObject({
      status: 'optimal',
      objective: 0,
      bits: new Map(),
    });
  });

  test('sites that all depend on each other are too many at once', () => {
    const pairs = sites.flatMap((a, i) => sites.slice(i + 1).map((b) => [a, b]));
    const objective = pairs.map((pair) => tabulate('pair', pair, ([a = 0, b = 0]) => a * b));
    expect(allocate({ ...empty, objective })).toEqual({ status: 'undecided', reason: 'coupling' });
  });

  test('limits and ties without a common width name the tied sites', () => {
    const limits = [
      { site: first, min: 8, max: 16 },
      { site: second, min: 2, max: 4 },
    ];
    expect(allocate({ ...empty, ties: [[first, second]], limits })).toEqual({
      status: 'infeasible',
      reason: 'no width',
      sites: [first, second],
    });
  });

  test('a table of the wrong size, a negative value and an unknown site are mistakes of the caller', () => {
    const minimize = (site: AllocationSite, values: readonly number[]) => () =>
      allocate({ ...empty, objective: [{ name: 'c', sites: [site], values }] });
    expect(minimize(first, [1, 2, 3])).toThrow('3 values');
    expect(minimize(first, [1, 2, 3, -4])).toThrow('negative');
    expect(minimize({ name: 'other', levels: [2] }, [1])).toThrow('lacks');
  });
});
