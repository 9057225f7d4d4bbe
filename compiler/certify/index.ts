/**
 * The certifier: `certify(source, certificate)` says whether what a certificate states can be recomputed, and what is not as stated.
 * It imports nothing of analysis or allocation.
 */
export { type CheckpointState, certify } from './certify.ts';
export { readDecimal } from './decimal.ts';
export type { Discrepancy, Kind, RecomputedBound, Verdict } from './verdict.ts';
