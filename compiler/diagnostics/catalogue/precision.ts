import { error } from './entry.ts';

/** QS4xxx ranges and formats, QS5xxx requirements and allocation. */
export const PRECISION_CODES = {
  QS4001: error((p: { annotation: string }) => `'${p.annotation}' matches no tensor of the model`),
  QS4002: error((p: { site: string }) => `two annotations of equal rank give '${p.site}' different formats`),
  QS4003: error((p: { format: string; problem: string }) => `${p.format} is no format: ${p.problem}`),
  QS4004: error(
    (p: { site: string; format: string }) => `'${p.site}' may be negative, which ${p.format} cannot hold`,
  ),
  QS4005: error(
    (p: { site: string; granularity: string; allowed: string }) =>
      `'${p.site}' cannot have a scale per ${p.granularity}, only per ${p.allowed}`,
  ),
  QS4006: error((p: { modifier: string; format: string }) => `'${p.modifier}' does not go with ${p.format}`),
  QS4007: error(
    (p: { site: string; scale: string; allowed: string }) =>
      `'${p.site}' cannot have a ${p.scale} scale, only ${p.allowed}`,
  ),
  QS4008: error((p: { low: string; high: string }) => `the range from ${p.low} to ${p.high} is empty`),
  QS4009: error(
    (p: { declared: string; data: string }) =>
      `the declared range ${p.declared} does not hold the data's values, which lie in ${p.data}`,
  ),
  QS5001: error(
    (p: { annotation: string }) => `'${p.annotation}' leaves bits to be derived, but nothing says from what`,
  ),
  QS5002: error((p: { site: string }) => `no requirement reaches '${p.site}', so its bits cannot be derived`),
  QS5003: error(
    (p: { bits: number; format: string; found: number }) =>
      `the level of ${p.bits} bits cannot be ${p.format}, which has ${p.found}`,
  ),
  QS5004: error((p: { bits: number }) => `the level of ${p.bits} bits is given twice`),
  QS5005: error(
    (p: { first: string; second: string }) =>
      `'${p.first}' and '${p.second}' cannot be tied: they are not of one kind`,
  ),
  QS5006: error(
    (p: { site: string; min: number; max: number }) =>
      `the bounds on '${p.site}' leave no width: at least ${p.min} and at most ${p.max} bits`,
  ),
  QS5007: error(
    (p: { site: string; format: string; bound: string }) =>
      `'${p.site}' is ${p.format}, which the bound ${p.bound} excludes`,
  ),
} as const;
