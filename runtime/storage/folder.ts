import { mkdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { commit, stage, temporaryName } from './atomic.ts';
import { dataError, systemCode, writeFailure } from './data-error.ts';

/**
 * Makes a folder and those above it that are missing. Node's own `recursive` is not used, for it never returns where the system
 * answers ENOENT in a folder that exists, as /proc does.
 *
 * @returns the folders that were made, outermost first
 * @throws DataError where one cannot be made; none is left then
 */
export async function makeFolder(path: string): Promise<readonly string[]> {
  const made: string[] = [];
  const missing = [path];
  for (let next = missing.at(-1); next !== undefined; next = missing.at(-1)) {
    try {
      await mkdir(next);
      made.push(next);
      missing.pop();
    } catch (failure) {
      const code = systemCode(failure);
      const parent = dirname(next);
      if (code === 'EEXIST' && (await isFolder(next))) missing.pop();
      else if (code === 'ENOENT' && parent !== next && !(await isFolder(parent))) missing.push(parent);
      else {
        await removeFolders(made);
        throw writeFailure(next, failure);
      }
    }
  }
  return made;
}

/** Removes folders that {@link makeFolder} made, as far as they are empty. */
export async function removeFolders(made: readonly string[]): Promise<void> {
  for (const folder of made.toReversed()) await rmdir(folder).catch(() => undefined);
}

/**
 * Writes files into a folder, all of them or none: each lies whole and synced under its temporary name before the first takes
 * its place. Folders that are missing are made.
 *
 * @param files contents by path below the folder
 * @throws DataError where one cannot be written; what the folder held is as it was then
 */
export async function writeFiles(
  folder: string,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  const made: string[] = [];
  const staged: string[] = [];
  try {
    for (const [name, content] of files) {
      const path = join(folder, name);
      made.push(...(await makeFolder(dirname(path))));
      if (await isFolder(path)) throw dataError('QS7051', { path, reason: 'it is a folder' });
      await stage(path, content);
      staged.push(path);
    }
  } catch (failure) {
    for (const path of staged) await rm(temporaryName(path), { force: true }).catch(() => undefined);
    await removeFolders(made);
    throw failure;
  }
  for (const path of staged) await commit(path);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
