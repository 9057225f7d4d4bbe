import { error, warning } from './entry.ts';

/** QS6xxx: what a target or an engine cannot do. */
export const EMISSION_CODES = {
  QS6101: error(
    (p: { site: string; format: string }) =>
      `'${p.site}' has the format ${p.format}, which ONNX runtimes cannot execute`,
  ),
  QS6102: error(
    (p: { path: string; problem: string }) => `${p.path} is not a usable ONNX model: ${p.problem}`,
  ),
  QS6103: warning(
    (p: { site: string; format: string }) =>
      `the exported file holds '${p.site}' as f32 values of its ${p.format} grid, because ONNX has no such storage`,
  ),
} as const;
