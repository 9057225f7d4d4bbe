import { describe, expect, test } from 'vitest';
import { hawqCases } from '../../bench/hawq.ts';
import { allocate } from '../../compiler/allocate/allocate.ts';

const root = process.env['QSPEC_DATA'];
if (!root) console.log('QSPEC_DATA is not set: the published optima of HAWQ-V3 are not reproduced');

describe.skipIf(!root)('HAWQ-V3, ResNet-18', () => {
  const published = root ? hawqCases(root) : [];

  test('has nine published optima', () => {
    expect(published).toHaveLength(9);
  });

  test.each(published)('$name', ({ problem, bits, objective }) => {
    const found = allocate(problem);
    if (found.status !== 'optimal') expect.fail(`the allocation is ${found.status}`);
    expect(problem.sites.map((site) => found.bits.get(site))).toEqual(bits);
    expect(Number(found.objective.toPrecision(6))).toBeCloseTo(objective, 6);
    expect(found.lowerBound).toBe(found.objective);
    for (const [r, { bound }] of problem.requirements.entries())
      expect(found.values[r]).toBeLessThanOrEqual(bound);
  });
});
