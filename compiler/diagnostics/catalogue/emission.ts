import { error } from './entry.ts';

/** QS6xxx: what a target or an engine cannot do. */
export const EMISSION_CODES = {
  QS6001: error((p: { feature: string }) => `${p.feature} cannot be compiled by this version`),
  QS6101: error(
    (p: { site: string; format: string }) =>
      `'${p.site}' has the format ${p.format}, which ONNX runtimes cannot execute`,
  ),
  QS6102: error(
    (p: { path: string; problem: string }) => `${p.path} is not a usable ONNX model: ${p.problem}`,
  ),
} as const;
