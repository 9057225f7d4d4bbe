import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { cases } from '../support/property.ts';
import { SLOPE_OPS, type SlopeTightness, slopeTightness, wrongSlopes } from './slopes.ts';

/** Ops that pass their operand on unchanged in real arithmetic, by one rule; `stopGradient` stands for them. */
const ALIKE: readonly OpName[] = ['quantize', 'quantizeStochastic', 'quantizeCotangent'];

/** What was measured when the rules last changed; `QSPEC_UPDATE=1` writes it anew. */
const FILE = new URL('slope-tightness.json', import.meta.url);
if (process.env['QSPEC_UPDATE'] === '1') {
  const measured = Object.fromEntries(SLOPE_OPS.map((op) => [op, slopeTightness(op)]));
  writeFileSync(FILE, `${JSON.stringify(measured, undefined, 2)}\n`);
}
const table = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, SlopeTightness>;

test('every op with slopes has cases', () => {
  const ops = (Object.keys(REGISTRY) as OpName[]).filter((op) => REGISTRY[op].bounds.slopes !== undefined);
  expect([...SLOPE_OPS, ...ALIKE].sort()).toEqual(ops.sort());
  for (const op of ALIKE) expect(REGISTRY[op].bounds.slopes).toBe(REGISTRY.stopGradient.bounds.slopes);
});

describe.each(SLOPE_OPS)('slopes of %s', (op) => {
  test('enclose every slope between two points, and are reached', () => {
    expect(wrongSlopes(op, cases(300, 5000).numRuns ?? 0, table[op])).toBeUndefined();
  });
});
