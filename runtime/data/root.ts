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

/** A path inside the data folder. @throws DataError where it would leave the folder */
export function insideRoot(root: string, path: string): string {
  const folder = resolve(root);
  const full = resolve(folder, path);
  if (isAbsolute(path) || !full.startsWith(folder.endsWith(sep) ? folder : folder + sep))
    throw dataError('QS7002', { path });
  return full;
}
