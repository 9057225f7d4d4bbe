import { error } from './entry.ts';

/** QS65xx: what a checked spec asks for that cannot be lowered to a program. */
export const LOWERING_CODES = {
  QS6501: error((p: { sites: number; first: string }) =>
    p.sites === 1
      ? `the format of '${p.first}' is 'auto', and was not derived yet`
      : `the formats of ${p.sites} sites ('${p.first}' first) are 'auto', and were not derived yet`,
  ),
  QS6502: error(
    (p: { name: string }) =>
      `schedule '${p.name}' changes formats over time, which this version does not run`,
  ),
  QS6503: error(
    (p: { site: string; feature: string; allowed: string }) =>
      `'${p.site}' cannot have ${p.feature}: ${p.allowed}`,
  ),
  QS6504: error(
    (p: { quantity: string; reason: string }) =>
      `nothing shows that the error of ${p.quantity} is what is required: ${p.reason}`,
  ),
  QS6506: error(
    (p: { samples: number; summands: number }) =>
      `${p.samples} training samples cannot be split between ${p.summands} summands`,
  ),
  QS6505: error(
    (_: Record<string, never>) => "'batch: all' needs a data set whose size is known before it is read",
  ),
} as const;
