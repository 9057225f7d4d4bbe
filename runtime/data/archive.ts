import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { DataError, readFailure } from '../storage/data-error.ts';
import { damaged, gunzipFailure } from './content.ts';
import type { PublicFile } from './public-sets.ts';

/**
 * The content of the named files in a `.tar.gz`, in whatever folder of it they lie; nothing is unpacked to disk.
 * @throws DataError where the archive cannot be read or lacks one of them
 */
export async function readArchive(
  path: string,
  files: readonly PublicFile[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const wanted = new Map(files.map((file) => [file.name, file]));
  const contents = new Map<string, Uint8Array>();
  const entries = extract();
  const collect = async () => {
    for await (const entry of entries) {
      const file = wanted.get(basename(entry.header.name));
      if (file === undefined || entry.header.type !== 'file' || (entry.header.size ?? 0) > file.bytes) {
        entry.resume();
        continue;
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
      contents.set(file.name, Buffer.concat(chunks));
    }
  };
  const results = await Promise.allSettled([
    pipeline(createReadStream(path), createGunzip(), entries),
    collect(),
  ]);
  // The pipeline's own failure explains the collector's, which only sees its source end.
  for (const result of results)
    if (result.status === 'rejected') throw archiveFailure(path, files, result.reason);
  const missing = files.filter((file) => !contents.has(file.name)).map((file) => file.name);
  if (missing.length > 0) {
    throw damaged('QS7006', { path, reason: `the archive lacks ${missing.join(', ')}` });
  }
  return contents;
}

function archiveFailure(path: string, files: readonly PublicFile[], failure: unknown): unknown {
  const expected = files.reduce((sum, file) => sum + file.bytes, 0);
  const known = readFailure(path, failure);
  const zipped = gunzipFailure(path, expected, failure);
  if (zipped instanceof DataError) return zipped;
  if (known instanceof DataError) return known;
  return failure instanceof Error ? damaged('QS7006', { path, reason: failure.message }) : failure;
}
