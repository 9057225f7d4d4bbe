import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFailure } from './data-error.ts';

/** The file operations that a write needs; a test passes one that fails. */
export interface FileSystem {
  open(path: string, flags: string): Promise<Pick<FileHandle, 'writeFile' | 'sync' | 'close'>>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: boolean }): Promise<void>;
}

const NODE: FileSystem = { open, rename, rm };

/** Where {@link writeAtomic} writes before it renames. */
export function temporaryName(path: string): string {
  return `${path}.tmp`;
}

/**
 * Replaces the file at `path` so that a reader, a crash or a power cut finds either the old content or the new,
 * never a part of it: writes to a temporary name beside it, syncs, renames, syncs the folder. A path has one
 * writer at a time; what a killed writer left under the temporary name is overwritten by the next.
 *
 * @throws DataError where the disk is full or the file cannot be written; nothing is left then
 */
export async function writeAtomic(
  path: string,
  content: Uint8Array | string,
  fs: FileSystem = NODE,
): Promise<void> {
  await stage(path, content, fs);
  await commit(path, fs);
}

/** The first half of {@link writeAtomic}: the content lies under the temporary name, safe from a power cut. */
export async function stage(
  path: string,
  content: Uint8Array | string,
  fs: FileSystem = NODE,
): Promise<void> {
  await orDiscard(path, fs, async () => {
    const file = await fs.open(temporaryName(path), 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** The second half: what was staged takes its place. */
export async function commit(path: string, fs: FileSystem = NODE): Promise<void> {
  await orDiscard(path, fs, () => fs.rename(temporaryName(path), path));
  await syncFolder(dirname(path), fs);
}

async function orDiscard(path: string, fs: FileSystem, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (failure) {
    await fs.rm(temporaryName(path), { force: true }).catch(() => undefined);
    throw writeFailure(path, failure);
  }
}

/** Makes a rename in `folder` durable. Windows cannot open a folder and needs no such step. */
export async function syncFolder(folder: string, fs: Pick<FileSystem, 'open'> = NODE): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder, 'r').catch((failure: unknown) => {
    throw writeFailure(folder, failure);
  });
  try {
    await handle.sync();
  } catch {
    // Some network file systems refuse to sync a folder; the content itself is already synced.
  } finally {
    await handle.close();
  }
}
