import { error } from './entry.ts';

/** QS3xxx: shapes, types and values that do not fit. */
export const SHAPE_CODES = {
  QS3001: error(
    (p: { layer: string; expected: string; found: string }) =>
      `${p.layer} needs ${p.expected}, got ${p.found}`,
  ),
  QS3002: error(
    (p: { name: string; expected: string; found: string }) =>
      `${p.name} must be ${p.expected}, got ${p.found}`,
  ),
  QS3003: error((p: { what: string }) => `${p.what} has no meaning here`),
  QS3004: error(
    (p: { left: string; right: string }) => `'+' adds tensors of one shape, got ${p.left} and ${p.right}`,
  ),
  QS3005: error(
    (p: { layer: string; kernel: string; input: string }) =>
      `the ${p.kernel} window of ${p.layer} is larger than its padded input ${p.input}`,
  ),
  QS3006: error(
    (p: { model: string; declared: string; found: string }) =>
      `${p.model} declares ${p.declared} but returns ${p.found}`,
  ),
  QS3007: error(
    (p: { data: string; expected: string; found: string }) =>
      `the samples of ${p.data} are ${p.expected}, but the model takes ${p.found}`,
  ),
  QS3008: error(
    (p: { data: string; expected: string; found: string }) =>
      `${p.data} needs a model that returns ${p.expected}, got ${p.found}`,
  ),
  QS3009: error((p: { what: string }) => `${p.what} would have more than 2^53 elements`),
  QS3010: error(
    (p: { left: string; takes: string; right: string; gives: string }) =>
      `${p.left} takes ${p.takes}, but ${p.right} before it gives ${p.gives}`,
  ),
  QS3011: error(
    (p: { name: string; found: string }) =>
      `'${p.name}' must be a training step, Params → Params × State, but it is ${p.found}`,
  ),
  QS3012: error((p: { problem: string }) => p.problem),
  QS3013: error(
    (p: { backward: string; expected: string; found: string }) =>
      `${p.backward} differentiates ${p.expected}, but what runs before it is ${p.found}`,
  ),
  QS3014: error((p: { dtype: string }) => `tensors of a model are f32 before quantization, got ${p.dtype}`),
  QS3015: error(
    (p: { model: string }) => `${p.model} has nothing to train: no conv, dense or batchnorm layer`,
  ),
  QS3016: error(
    (p: { what: string; count: number; available: number }) =>
      `${p.what} takes ${p.count} samples, but there are ${p.available}`,
  ),
  QS3017: error(
    (p: { loss: string; expected: string; data: string; found: string }) =>
      `${p.loss} needs ${p.expected}, but ${p.data} has ${p.found}`,
  ),
} as const;
