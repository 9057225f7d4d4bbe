import type fc from 'fast-check';

/** The seed of every property test; CI prints it, and `QSPEC_SEED` replays another. */
export const SEED = Number(process.env['QSPEC_SEED'] ?? 20261122);

/** Whether all cases run (`npm run check:full`) or the seeded part of them. */
export const FULL = process.env['QSPEC_FULL'] === '1';

/** Parameters of `fc.assert`: `part` cases normally, `full` under `npm run check:full`. */
export function cases(part: number, full = part * 10): fc.Parameters<unknown> {
  return { seed: SEED, numRuns: FULL ? full : part };
}
