import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import {
  type DataCode,
  type DataError,
  type DataParams,
  dataError,
  readFailure,
  systemCode,
} from '../storage/data-error.ts';
import { PUBLIC_SETS, type PublicFile } from './public-sets.ts';

const gunzipBytes = promisify(gunzip);

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * The uncompressed content of a file, plain or gzipped whatever its name says: neither IDX nor CIFAR files start as
 * gzip does. Decompression stops one byte past what is expected.
 *
 * @throws DataError where the file cannot be read or decompressed
 */
export async function readContent(path: string, expectedBytes: number): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((failure: unknown) => {
    throw readFailure(path, failure);
  });
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const maxOutputLength = expectedBytes + 1;
  // One chunk for all (zlib wants at least 64 bytes): those of its own 16 kB take longer to join than to unpack.
  const room = { maxOutputLength, chunkSize: Math.max(64, maxOutputLength) };
  return gunzipBytes(bytes, room).catch((failure: unknown) => {
    throw gunzipFailure(path, expectedBytes, failure);
  });
}

/** What went wrong in zlib, in the user's terms; anything else is passed on as it is. */
export function gunzipFailure(path: string, expectedBytes: number, failure: unknown): unknown {
  const code = systemCode(failure);
  if (code === 'Z_BUF_ERROR') return damaged('QS7005', { path, actual: undefined, expected: expectedBytes });
  if (code === 'ERR_BUFFER_TOO_LARGE') {
    return damaged('QS7006', { path, reason: `it holds more than the expected ${expectedBytes} bytes` });
  }
  if (code?.startsWith('Z_') && failure instanceof Error) {
    return damaged('QS7006', { path, reason: failure.message });
  }
  return failure;
}

const FETCH_AGAIN = 'delete the file and fetch the data set again with `qspec data fetch`';

/** The error of a file of a public data set that is not as published. */
export function damaged<C extends DataCode>(code: C, params: DataParams<C>): DataError {
  return dataError(code, params, FETCH_AGAIN);
}

/** @throws DataError unless `content` is, to the bit, what was published */
export function checkContent(path: string, file: PublicFile, content: Uint8Array): void {
  if (content.length < file.bytes) {
    throw damaged('QS7005', { path, actual: content.length, expected: file.bytes });
  }
  const actual = sha256(content);
  if (actual === file.sha256) return;
  const other = PUBLIC_SETS.find((set) =>
    [...set.train, ...set.test].some((known) => known.sha256 === actual),
  );
  throw dataError(
    'QS7007',
    { path, content: file.name, actual, expected: file.sha256 },
    other ? `this is a file of ${other.title}; put it into the folder ${other.folder}` : FETCH_AGAIN,
  );
}
