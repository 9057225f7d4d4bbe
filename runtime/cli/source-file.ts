import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Source } from '../../compiler/source/source.ts';
import { systemReason } from '../storage/data-error.ts';
import { UsageFailure } from './failures.ts';

/** Bytes above which a file is not even read; the parser's own limit lies below. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a spec that the user named; diagnostics print the path as it was given.
 * @throws UsageFailure where it is no readable text file
 */
export async function readSource(cwd: string, path: string): Promise<Source> {
  const full = resolve(cwd, path);
  const refuse = (reason: string) => new UsageFailure(`cannot read ${path}: ${reason}`);
  let bytes: Uint8Array;
  try {
    const found = await stat(full);
    if (found.isDirectory()) throw refuse('it is a folder');
    if (!found.isFile()) throw refuse('it is not a regular file');
    if (found.size > MAX_BYTES) throw refuse(`it has ${found.size} bytes, too many for a spec`);
    bytes = await readFile(full);
  } catch (failure) {
    if (failure instanceof UsageFailure) throw failure;
    throw refuse(isMissing(failure) ? 'no such file' : systemReason(failure));
  }
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    throw refuse('it is not UTF-8 text');
  }
}

function isMissing(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'ENOENT';
}
