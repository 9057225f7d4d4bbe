import { describe, expect, test } from 'vitest';
import type { ScalarSchedule } from '../../compiler/check/checked-spec.ts';
import { hyperValues, scheduleValue } from '../../runtime/train/hyper.ts';

const at = (schedule: ScalarSchedule, step: number) =>
  scheduleValue(schedule, { step, stepsPerEpoch: 10, epochs: 4 });

describe('schedules over 4 epochs of 10 steps', () => {
  test('a constant stays', () => {
    expect([0, 39].map((step) => at({ kind: 'constant', value: 0.3 }, step))).toEqual([0.3, 0.3]);
  });

  test('a cosine starts at from, is halfway in the middle and would reach to after the last step', () => {
    const cosine = { kind: 'cosine', from: 1, to: 0.2 } as const;
    expect(at(cosine, 0)).toBe(1);
    expect(at(cosine, 20)).toBeCloseTo(0.6, 15);
    expect(at(cosine, 40)).toBeCloseTo(0.2, 15);
  });

  test('a step decays once every so many epochs', () => {
    const step = { kind: 'step', value: 1, factor: 0.5, every: 2 } as const;
    expect([0, 19, 20, 39].map((s) => at(step, s))).toEqual([1, 1, 0.5, 0.5]);
  });

  test('a warm-up rises linearly from 0 to where the schedule after it starts, whose time starts there', () => {
    const warmup = { kind: 'warmup', epochs: 1, after: { kind: 'linear', from: 2, to: 0 } } as const;
    expect([0, 5, 10, 25, 40].map((s) => at(warmup, s))).toEqual([0, 1, 2, 1, 0]);
  });
});

test("bias corrections are Adam's, with steps counted from 1", () => {
  const program = { hyper: [{ name: 'c1', kind: 'bias_correction', beta: 0.9 } as const] };
  const correction = (step: number) => hyperValues(program, { step, stepsPerEpoch: 10, epochs: 4 }).get('c1');
  expect(correction(0)).toBeCloseTo(10, 12);
  expect(correction(1)).toBeCloseTo(1 / 0.19, 12);
});
