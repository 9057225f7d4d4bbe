import { warning } from './entry.ts';

/** QS41xx: what the static analysis of one training step finds before anything runs. */
export const ANALYSIS_CODES = {
  QS4101: warning(
    (p: { input: string }) =>
      `the range of '${p.input}' is not declared, so nothing that is computed from it has a worst-case bound`,
  ),
  QS4102: warning(
    (_: Record<string, never>) =>
      'nothing limits the targets of a regression, so the loss and the gradient have no worst-case bound',
  ),
  QS4103: warning(
    (p: { site: string; format: string; bound: string; limit: string; effect: string }) =>
      `${p.site} may reach ${p.bound}, and the largest ${p.format} number is ${p.limit}: what is larger ${p.effect}`,
  ),
  QS4104: warning(
    (p: { layer: string; terms: string; weights: string; inputs: string; allowed: string }) =>
      `the sums of '${p.layer}' have ${p.terms} products of ${p.weights} and ${p.inputs} codes; 32 bits hold ${p.allowed} for certain`,
  ),
  QS4105: warning(
    (p: { site: string; bound: string }) =>
      `${p.site} is rounded at a moving average of its range, and clips what lies beyond it: values go ${p.bound}`,
  ),
  QS4106: warning(
    (p: { site: string; format: string; share: string; update: string; half: string }) =>
      `${p.share} of ${p.site} cannot change: no update is larger than ${p.update}, and ${p.format} drops those below ${p.half}`,
  ),
  QS4107: warning(
    (p: { site: string; format: string; decay: string; half: string; of: string }) =>
      `${p.site} stops decaying: a step takes ${p.decay} of a value away, and ${p.format} rounds back what is below ${p.half} of ${p.of}`,
  ),
} as const;
