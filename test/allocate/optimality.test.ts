import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate } from '../../compiler/allocate/allocate.ts';
import type { AllocationProblem } from '../../compiler/allocate/problem.ts';
import { cases } from '../support/property.ts';
import { admitted, bruteForce, problems, sumAt, totalBits, widthsOf } from './problems.ts';

describe('allocate against brute force', () => {
  test('finds the least objective and then the fewest bits, or says that there is none', () => {
    const seen = { optimal: 0, requirement: 0, 'no width': 0 };
    fc.assert(
      fc.property(problems, (problem) => {
        const best = bruteForce(problem);
        const found = allocate(problem);
        if (found.status === 'infeasible') {
          seen[found.reason]++;
          expect(best).toBeUndefined();
          return;
        }
        if (found.status !== 'optimal') expect.fail(`the allocation is ${found.status}`);
        seen.optimal++;
        const widths = widthsOf(problem, found.bits);
        expect(admitted(problem)).toContainEqual(widths);
        expect({ objective: found.objective, bits: totalBits(widths) }).toEqual(best);
        expect(found.objective).toBe(sumAt(problem.objective, problem, widths));
        expect(found.lowerBound).toBe(found.objective);
        expect(found.gap).toBe(0);
        for (const [r, { contributions, bound }] of problem.requirements.entries()) {
          expect(found.values[r]).toBe(sumAt(contributions, problem, widths));
          expect(found.values[r]).toBeLessThanOrEqual(bound);
        }
      }),
      cases(600),
    );
    // The generator must reach every outcome often.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });

  test('explains truthfully why there is none', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const found = allocate(problem);
        if (found.status !== 'infeasible') return;
        if (found.reason === 'no width') {
          const alone: AllocationProblem = { ...problem, objective: [], requirements: [] };
          expect(admitted(alone)).toEqual([]);
          return;
        }
        const { requirement, given, best, bits, contributors } = found;
        const within = admitted(problem).filter((widths) =>
          given.every(({ contributions, bound }) => sumAt(contributions, problem, widths) <= bound),
        );
        const reachable = within.map((widths) => sumAt(requirement.contributions, problem, widths));
        expect(best).toBe(Math.min(...reachable));
        expect(best).toBeGreaterThan(requirement.bound);
        expect(found.proved).toBe(true);
        // Given others only where none of those needed is out of reach by itself.
        if (given.length > 0)
          expect(
            admitted(problem).some(
              (widths) => sumAt(requirement.contributions, problem, widths) <= requirement.bound,
            ),
          ).toBe(true);

        const widths = widthsOf(problem, bits);
        expect(within).toContainEqual(widths);
        expect(sumAt(requirement.contributions, problem, widths)).toBe(best);
        const values = requirement.contributions
          .map((contribution) => sumAt([contribution], problem, widths))
          .filter((value) => value > 0)
          .sort((a, b) => b - a);
        expect(contributors.map(({ value }) => value)).toEqual(values.slice(0, 3));
      }),
      cases(600),
    );
  });

  test('where the search is cut short, states a bound that holds', () => {
    fc.assert(
      fc.property(problems, fc.integer({ min: 1, max: 3 }), (problem, labelLimit) => {
        const best = bruteForce(problem);
        const found = allocate(problem, { labelLimit });
        if (found.status === 'infeasible') expect(best).toBeUndefined();
        if (found.status !== 'optimal' && found.status !== 'feasible') return;
        if (!best) expect.fail('brute force finds none');
        const tolerance = 1e-9 * best.objective;
        expect(found.lowerBound).toBeLessThanOrEqual(best.objective + tolerance);
        expect(found.objective).toBeGreaterThanOrEqual(best.objective);
        expect(found.gap).toBe(
          found.objective === found.lowerBound ? 0 : (found.objective - found.lowerBound) / found.objective,
        );
        if (found.status === 'optimal') expect(found.objective).toBe(best.objective);
      }),
      cases(400),
    );
  });
});
