import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { dataError } from '../storage/data-error.ts';

/**
 * The data folder: `QSPEC_DATA` where it is set, else the user's cache (`$XDG_CACHE_HOME/qspec` or `~/.cache/qspec`,
 * `~/Library/Caches/qspec` on macOS, `%LOCALAPPDATA%\qspec` on Windows).
 */
export function dataRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment['QSPEC_DATA'];
  if (configured) return resolve(configured);
  return join(userCache(environment), 'qspec');
}

function userCache(environment: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  const configured = environment['XDG_CACHE_HOME'];
  return configured && isAbsolute(configured) ? configured : join(homedir(), '.cache');
}

/**
 * A path inside a folder, which no link on the way leads out of. @throws DataError where it would leave the folder
 *
 * @param path as a spec has it, relative to the folder
 */
export async function insideFolder(folder: string, path: string): Promise<string> {
  const root = resolve(folder);
  const full = resolve(root, path);
  if (isAbsolute(path) || !isBelow(root, full)) throw dataError('QS7002', { path });
  const real = await realpath(full).catch(() => undefined);
  // What does not exist leads nowhere; whoever reads it says that it is missing.
  if (real !== undefined && !isBelow(await realpath(root), real)) {
    throw dataError('QS7002', { path }, `a link leads out of ${root}; put the file itself there`);
  }
  return full;
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
