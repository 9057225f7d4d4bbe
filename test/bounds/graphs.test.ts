import fc from 'fast-check';
import { describe, test } from 'vitest';
import { cases } from '../support/property.ts';
import { Adversary } from './adversary.ts';
import { violation } from './check.ts';
import { depthOf, graphCase, kinked, MAKINGS, seeds } from './graphs.ts';
import { netCase } from './nets.ts';

describe.each(Object.entries(MAKINGS))('random graphs with %s', (_, making) => {
  test('keep every value within its range and every error within its bound', () => {
    fc.assert(
      fc.property(kinked, seeds, seeds, (random, seed, roundings) => {
        const one = graphCase(random, seed, making);
        fc.pre(depthOf(one.graph) >= 6);
        const violated = violation(one, new Adversary(roundings));
        if (violated !== undefined) throw new Error(violated);
      }),
      { ...cases(600, 10_000), endOnFailure: true },
    );
  });
});

test('nets with their gradients and updates keep every value within its range and every error within its bound', () => {
  fc.assert(
    fc.property(seeds, seeds, (seed, roundings) => {
      const violated = violation(netCase(seed), new Adversary(roundings));
      if (violated !== undefined) throw new Error(`net ${seed}, roundings ${roundings}: ${violated}`);
    }),
    { ...cases(250, 4000), endOnFailure: true },
  );
});
