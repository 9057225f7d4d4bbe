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
  const bytes = await readBytes(cwd, path, MAX_BYTES, 'a spec');
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    throw new UsageFailure(`cannot read ${path}: it is not UTF-8 text`);
  }
}

/**
 * Reads a file that the user named.
 * @throws UsageFailure where it is no readable file, or has too many bytes for what it should be
 */
export async function readBytes(cwd: string, path: string, most: number, what: string): Promise<Uint8Array> {
  const full = resolve(cwd, path);
  const refuse = (reason: string) => new UsageFailure(`cannot read ${path}: ${reason}`);
  try {
    const found = await stat(full);
    if (found.isDirectory()) throw refuse('it is a folder');
    if (!found.isFile()) throw refuse('it is not a regular file');
    if (found.size > most) throw refuse(`it has ${found.size} bytes, too many for ${what}`);
    return await readFile(full);
  } catch (failure) {
    if (failure instanceof UsageFailure) throw failure;
    throw refuse(isMissing(failure) ? 'no such file' : systemReason(failure));
  }
}

/** Whether a file is there. */
export async function isThere(cwd: string, path: string): Promise<boolean> {
  try {
    return (await stat(resolve(cwd, path))).isFile();
  } catch {
    return false;
  }
}

function isMissing(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'ENOENT';
}
