import { error } from './entry.ts';

/** QS70xx: data sets, tables and downloads; from QS7050 on, files that QSpec writes. */
export const DATA_AND_RUN_CODES = {
  QS7001: error((p: { path: string }) => `no such file: ${p.path}`),
  QS7002: error((p: { path: string }) => `the path ${JSON.stringify(p.path)} leaves its folder`),
  QS7003: error(
    (p: { dataset: string; files: readonly string[]; root: string }) =>
      `${p.dataset} is not complete in ${p.root}: ${p.files.join(', ')} ${p.files.length === 1 ? 'is' : 'are'} missing`,
  ),
  QS7004: error((p: { path: string; reason: string }) => `cannot read ${p.path}: ${p.reason}`),
  QS7005: error(
    (p: { path: string; actual: number | undefined; expected: number }) =>
      `${p.path} is truncated: ${p.actual === undefined ? 'its compressed data ends before' : `it holds ${p.actual} bytes, not`} the expected ${p.expected} bytes`,
  ),
  QS7006: error((p: { path: string; reason: string }) => `${p.path} is corrupted: ${p.reason}`),
  QS7007: error(
    (p: { path: string; content: string; actual: string; expected: string }) =>
      `${p.path} is not the published ${p.content}: the SHA-256 of its uncompressed content is ${p.actual}, expected ${p.expected}`,
  ),
  QS7008: error(
    (p: { path: string; format: string; reason: string }) => `${p.path} is not ${p.format}: ${p.reason}`,
  ),
  QS7009: error(
    (p: { path: string; sample: number; label: number; classes: number }) =>
      `${p.path}: sample ${p.sample} has the label ${p.label}, but classes go from 0 to ${p.classes - 1}`,
  ),
  QS7010: error(
    (p: { samples: number; validation: number }) =>
      `holding out ${p.validation} validation samples leaves none of the ${p.samples} training samples`,
  ),
  QS7011: error(
    (p: { batch: number; samples: number }) =>
      `a step reads ${p.batch} samples, but the training set has only ${p.samples}`,
  ),
  QS7012: error(
    (p: { augmentation: string; reason: string }) =>
      `the augmentation '${p.augmentation}' cannot be applied: ${p.reason}`,
  ),
  QS7013: error(
    (p: { dataset: string; what: string; actual: string; declared: string }) =>
      `${p.dataset} gives ${p.actual} as ${p.what}, but the spec reads ${p.declared}`,
  ),

  QS7020: error(
    (p: { path: string; line: number; actual: number; expected: number }) =>
      `${p.path}, line ${p.line}: ${p.actual} ${p.actual === 1 ? 'field' : 'fields'} where the first line has ${p.expected}`,
  ),
  QS7021: error(
    (p: { path: string; line: number; column: string; field: string }) =>
      `${p.path}, line ${p.line}, column ${p.column}: ${p.field} is not a finite number`,
  ),
  QS7022: error(
    (p: { path: string; target: string; columns: string }) =>
      `${p.path} has no target column ${JSON.stringify(p.target)}; it has ${p.columns}`,
  ),
  QS7023: error(
    (p: { path: string; line: number; reason: string }) => `${p.path}, line ${p.line}: ${p.reason}`,
  ),
  QS7024: error(
    (p: { path: string; samples: number; needed: number }) =>
      `${p.path} holds ${p.samples} ${p.samples === 1 ? 'sample' : 'samples'}; at least ${p.needed} ${p.needed === 1 ? 'is' : 'are'} needed`,
  ),
  QS7025: error(
    (p: { path: string; line: number; column: string; field: string; classes: number }) =>
      `${p.path}, line ${p.line}, column ${p.column}: ${p.field} is not a class: an integer from 0 to ${p.classes - 1}`,
  ),

  QS7030: error((p: { name: string }) => `no data set named ${JSON.stringify(p.name)} can be fetched`),
  QS7031: error(
    (p: { url: string; reason: string; attempts: number }) =>
      `cannot download ${p.url}: ${p.reason}${p.attempts > 1 ? ` (${p.attempts} attempts)` : ''}`,
  ),
  QS7032: error((p: { url: string; reason: string }) => `what ${p.url} sent was discarded: ${p.reason}`),

  QS7050: error((p: { path: string }) => `no space left on the disk while writing ${p.path}`),
  QS7051: error((p: { path: string; reason: string }) => `cannot write ${p.path}: ${p.reason}`),
  QS7052: error((p: { path: string; reason: string }) => `${p.path} is not a safetensors file: ${p.reason}`),
  QS7053: error(
    (p: { path: string; tensor: string; dtype: string }) =>
      `${p.path}: tensor ${JSON.stringify(p.tensor)} has dtype ${p.dtype}; only F32 and I32 are read`,
  ),
} as const;
