import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate } from '../../compiler/allocate/allocate.ts';
import type { AllocationProblem, Contribution } from '../../compiler/allocate/problem.ts';
import { cases } from '../support/property.ts';
import { problems, widthsOf } from './problems.ts';

/** Uneven reals in place of the integers: sums then depend on their order. */
function uneven(problem: AllocationProblem): AllocationProblem {
  const each = (contributions: readonly Contribution[]) =>
    contributions.map((c) => ({ ...c, values: c.values.map((value) => value / 7) }));
  return {
    ...problem,
    objective: each(problem.objective),
    requirements: problem.requirements.map((r) => ({
      ...r,
      contributions: each(r.contributions),
      bound: r.bound / 7,
    })),
  };
}

function scaled(problem: AllocationProblem, objective: number, requirements: number): AllocationProblem {
  const by = (contributions: readonly Contribution[], factor: number) =>
    contributions.map((c) => ({ ...c, values: c.values.map((value) => value * factor) }));
  return {
    ...problem,
    objective: by(problem.objective, objective),
    requirements: problem.requirements.map((r) => ({
      ...r,
      contributions: by(r.contributions, requirements),
      bound: r.bound * requirements,
    })),
  };
}

/** What is decided: widths, or why there are none. */
function decision(problem: AllocationProblem) {
  const found = allocate(problem);
  if (found.status === 'undecided') return found;
  if (found.status !== 'infeasible') return { status: found.status, widths: widthsOf(problem, found.bits) };
  if (found.reason === 'no width') return found;
  return {
    status: found.status,
    requirement: found.requirement.name,
    given: found.given.map(({ name }) => name),
    widths: widthsOf(problem, found.bits),
    contributors: found.contributors.map(({ name }) => name),
  };
}

describe('laws of allocation', () => {
  test('loosening a bound never raises the objective, nor makes a problem infeasible', () => {
    fc.assert(
      fc.property(
        problems,
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 1, max: 100 }),
        (problem, r, more) => {
          const tight = allocate(problem);
          if (tight.status !== 'optimal') return;
          const loose = allocate({
            ...problem,
            requirements: problem.requirements.map((own, i) =>
              i === r ? { ...own, bound: own.bound + more } : own,
            ),
          });
          if (loose.status !== 'optimal') expect.fail(`the looser problem is ${loose.status}`);
          expect(loose.objective).toBeLessThanOrEqual(tight.objective);
        },
      ),
      cases(400),
    );
  });

  test('scaling the objective and the requirements by powers of two changes no decision', () => {
    const exponent = fc.integer({ min: -300, max: 300 });
    fc.assert(
      fc.property(problems, exponent, exponent, (problem, a, b) => {
        const reals = uneven(problem);
        expect(decision(scaled(reals, 2 ** a, 2 ** b))).toEqual(decision(reals));
      }),
      cases(400),
    );
  });

  test('an optimum stays one when each bound is tightened to what it uses, in whatever order that was summed', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const reals = uneven(problem);
        const found = allocate(reals);
        if (found.status !== 'optimal') return;
        const tight = allocate({
          ...reals,
          requirements: reals.requirements.map((own, r) => ({
            ...own,
            contributions: own.contributions.toReversed(),
            bound: found.values[r] ?? 0,
          })),
        });
        if (tight.status !== 'optimal') expect.fail(`the tight problem is ${tight.status}`);
        expect(tight.objective).toBeCloseTo(found.objective, 10);
      }),
      cases(400),
    );
  });

  test('the order of sites, operations and requirements does not change the optimum', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const found = allocate(problem);
        const reversed = allocate({
          ...problem,
          sites: problem.sites.toReversed(),
          objective: problem.objective.toReversed(),
          requirements: problem.requirements.toReversed(),
        });
        expect(reversed.status).toBe(found.status);
        if (found.status !== 'optimal' || reversed.status !== 'optimal') return;
        const sum = (bits: ReadonlyMap<unknown, number>) => [...bits.values()].reduce((a, b) => a + b, 0);
        expect([reversed.objective, sum(reversed.bits)]).toEqual([found.objective, sum(found.bits)]);
      }),
      cases(400),
    );
  });
});
