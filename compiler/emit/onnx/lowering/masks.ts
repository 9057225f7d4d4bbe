import { LARGEST_FLOAT32 } from '../../../numeric/round.ts';
import type { Lowering } from './lowering.ts';

const LARGEST = { float: LARGEST_FLOAT32 };

/*
 * Masks as ramps: `min(max(α·x + β, 0), 1)` with the largest α is 0 or 1 for every x but those of magnitude up to 2⁻¹²⁸, which are less than
 * the least normal number and count in part. It is one pass in all threads, where a comparison makes booleans that one thread converts.
 */

/** 1 where x > 0, 0 elsewhere; x f32. */
export function positive(lowering: Lowering, x: string): string {
  return lowering.op('HardSigmoid', [x], { alpha: LARGEST, beta: { float: 0 } });
}

/** 1 where x equals its maximum m ≥ x, 0 elsewhere; f32. */
export function reaches(lowering: Lowering, x: string, maximum: string): string {
  if (!lowering.uses('rampMasks')) {
    const compared = lowering.op('GreaterOrEqual', [x, maximum]);
    return lowering.op('Cast', [compared], { to: { type: 'float' } });
  }
  return lowering.op('HardSigmoid', [lowering.op('Sub', [x, maximum])], {
    alpha: LARGEST,
    beta: { float: 1 },
  });
}
