import { error } from './entry.ts';

/** QS501x: formats that are derived from requirements. */
export const ALLOCATION_CODES = {
  QS5010: error(
    (p: { quantity: string; tolerance: string; best: string; contributors: string }) =>
      `no formats within the levels keep the error of ${p.quantity} at ${p.tolerance}: the widest reach ${p.best}, most of it from ${p.contributors}`,
  ),
  QS5011: error((p: { reason: string }) => `the sensitivities beside the spec do not fit it: ${p.reason}`),
  QS5012: error(
    (p: { site: string; format: string }) =>
      `'${p.site}' is 'auto', and ${p.format} is none of the formats that its levels allow`,
  ),
  QS5013: error(
    (p: { quantity: string; reason: string }) =>
      `formats cannot be derived from what is required of ${p.quantity}: ${p.reason}`,
  ),
} as const;
