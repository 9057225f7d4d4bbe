import { describe, expect, test } from 'vitest';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { cases } from '../support/property.ts';
import { SLOPE_OPS, wrongSlopes } from './slopes.ts';

/** Ops that pass their operand on unchanged in real arithmetic, by one rule; `stopGradient` stands for them. */
const ALIKE: readonly OpName[] = ['quantize', 'quantizeStochastic', 'quantizeCotangent'];

test('every op with slopes has cases', () => {
  const ops = (Object.keys(REGISTRY) as OpName[]).filter((op) => REGISTRY[op].bounds.slopes !== undefined);
  expect([...SLOPE_OPS, ...ALIKE].sort()).toEqual(ops.sort());
  for (const op of ALIKE) expect(REGISTRY[op].bounds.slopes).toBe(REGISTRY.stopGradient.bounds.slopes);
});

describe.each(SLOPE_OPS)('slopes of %s', (op) => {
  test('enclose every slope between two points, and are reached', () => {
    expect(wrongSlopes(op, cases(300, 5000).numRuns ?? 0)).toBeUndefined();
  });
});
