import { error } from './entry.ts';

/** QS501x: requirements, and formats that are derived from them. */
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
  QS5014: error(
    (p: { quantity: string; denominator: string }) =>
      `the worst case cannot be held against what is required of ${p.quantity}: it is relative to ${p.denominator}, which no text bounds from below`,
  ),
  QS5015: error(
    (p: { quantity: string; norm: string; error: string; allowed: string; contributors: string }) =>
      `the error of ${p.quantity} may ${p.error} in the ${p.norm} where at most ${p.allowed} is allowed${p.contributors}`,
  ),
  QS5017: error(
    (p: { quantity: string; tolerance: string; best: string; contributors: string }) =>
      `the formats as written do not keep the error of ${p.quantity} at ${p.tolerance}: they reach ${p.best}, most of it from ${p.contributors}`,
  ),
  QS5016: error(
    (p: { quantity: string }) =>
      `${p.quantity} has no error against 'quantized_point', which takes the forward pass as it was computed`,
  ),
} as const;
