import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { cases } from '../support/property.ts';
import { Adversary } from './adversary.ts';
import { caseOf, DRAWINGS } from './cases.ts';
import { violation } from './check.ts';

const OPS = Object.keys(DRAWINGS) as OpName[];

test('every op of the registry has cases', () => {
  expect([...OPS].sort()).toEqual(Object.keys(REGISTRY).sort());
});

describe.each(OPS)('%s', (op) => {
  test('ranges hold and errors stay within their bounds in every domain, whatever is rounded which way', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (seed, roundings) => {
        const violated = violation(caseOf(op, seed), new Adversary(roundings));
        if (violated !== undefined) throw new Error(`case ${seed}, roundings ${roundings}: ${violated}`);
      }),
      { ...cases(150, 2500), endOnFailure: true },
    );
  });
});
