import { DATA_AND_RUN_CODES } from '../../compiler/diagnostics/catalogue/runs.ts';

export type DataCode = keyof typeof DATA_AND_RUN_CODES;
export type DataParams<C extends DataCode> = Parameters<(typeof DATA_AND_RUN_CODES)[C]['message']>[0];

/**
 * What is wrong with a file, a disk or a server. Like a diagnostic it has a code, a message for the user and a
 * hint; unlike one it has no span, for the spec is not what is wrong.
 */
export class DataError extends Error {
  override readonly name = 'DataError';
  readonly code: DataCode;
  readonly hint: string | undefined;

  constructor(code: DataCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Makes the error of a catalogue entry; the message's parameters are typed by the code. */
export function dataError<C extends DataCode>(code: C, params: DataParams<C>, hint?: string): DataError {
  const message = DATA_AND_RUN_CODES[code].message as (p: DataParams<C>) => string;
  return new DataError(code, message(params), hint);
}

/** The `code` of a system error such as `ENOENT`; undefined for everything else. */
export function systemCode(failure: unknown): string | undefined {
  if (!(failure instanceof Error) || !('code' in failure)) return undefined;
  return typeof failure.code === 'string' ? failure.code : undefined;
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of the path is a file, not a folder'],
  ['EEXIST', 'it is not a folder'],
  ['ELOOP', 'its links lead in a circle'],
  ['ERR_INVALID_ARG_VALUE', 'the path holds a null character'],
  ['ENOENT', 'its folder does not exist'],
  ['EROFS', 'the file system is read-only'],
  ['EMFILE', 'too many files are open'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['EIO', 'the device reports an error'],
]);

/** A system error in a few words for the user. */
export function systemReason(failure: unknown): string {
  const code = systemCode(failure);
  return (
    (code && REASONS.get(code)) ?? code ?? (failure instanceof Error ? failure.message : String(failure))
  );
}

/** The error of a failed read of `path`; anything but a system error is passed on as it is. */
export function readFailure(path: string, failure: unknown): unknown {
  const code = systemCode(failure);
  if (code === undefined || failure instanceof DataError) return failure;
  return code === 'ENOENT'
    ? dataError('QS7001', { path })
    : dataError('QS7004', { path, reason: systemReason(failure) });
}

/** The error of a failed write of `path`; anything but a system error is passed on as it is. */
export function writeFailure(path: string, failure: unknown): unknown {
  const code = systemCode(failure);
  if (code === undefined || failure instanceof DataError) return failure;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return dataError(
      'QS7050',
      { path },
      'free some space and run the command again; nothing half-written was left behind',
    );
  }
  return dataError('QS7051', { path, reason: systemReason(failure) });
}
