import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../storage/atomic.ts';
import { DataError, dataError, systemCode, writeFailure } from '../storage/data-error.ts';
import { makeFolder } from '../storage/folder.ts';
import { readArchive } from './archive.ts';
import { checkContent, readContent } from './content.ts';
import { type DownloadOptions, download } from './download.ts';
import { loadPublicSet } from './public-data.ts';
import { type Download, PUBLIC_SETS, type PublicSet } from './public-sets.ts';

export interface FetchOptions extends Omit<DownloadOptions, 'progress' | 'maxBytes'> {
  /** The data folder. */
  readonly root: string;
  /**
   * Addresses to download from instead of the data set's home, tried in order; those in `QSPEC_MIRROR`, separated by blanks, where
   * absent. A mirror is laid out like a data folder: `<mirror>/mnist/train-images-idx3-ubyte.gz`.
   */
  readonly mirrors?: readonly string[];
  readonly log?: (line: string) => void;
  readonly progress?: (file: string, received: number, total: number | undefined) => void;
}

/** The names that {@link fetchDataset} knows. */
export const FETCHABLE: readonly string[] = PUBLIC_SETS.map((set) => set.folder);

/**
 * Downloads a public data set into the data folder. Each file is written to a temporary name, verified by the checksum of
 * its uncompressed content and only then renamed; what is already there and right is kept.
 *
 * @throws DataError where the name is unknown, or no address gives the right files
 */
export async function fetchDataset(name: string, options: FetchOptions): Promise<void> {
  const folder = name.replaceAll('_', '-');
  const set = PUBLIC_SETS.find((known) => known.folder === folder);
  if (set === undefined) throw dataError('QS7030', { name }, `the names are ${FETCHABLE.join(', ')}`);
  await fetchPublicSet(set, options);
}

export async function fetchPublicSet(set: PublicSet, options: FetchOptions): Promise<void> {
  const { root, log = () => undefined } = options;
  if (await isComplete(set, root)) {
    log(`${set.title} is complete in ${root}`);
    return;
  }
  const folder = join(root, set.folder);
  await makeFolder(folder);
  for (const item of set.downloads) {
    const target = join(folder, item.name);
    if (await holds(target, item)) {
      log(`${target} is already there`);
      continue;
    }
    await fetchFile(set, item, folder, options);
    log(`${target} is fetched and verified`);
  }
  // A wrong file that stood in the folder before would still be read instead of the new one: then this names it.
  await loadPublicSet(set, root);
}

async function isComplete(set: PublicSet, root: string): Promise<boolean> {
  return succeeds(() => loadPublicSet(set, root));
}

async function holds(path: string, item: Download): Promise<boolean> {
  return succeeds(() => verify(path, item));
}

async function succeeds(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (failure) {
    if (failure instanceof DataError) return false;
    throw failure;
  }
}

/** @throws DataError unless the file holds what was published */
async function verify(path: string, item: Download): Promise<void> {
  const [only] = item.contents;
  if (item.contents.length === 1 && only) {
    checkContent(path, only, await readContent(path, only.bytes));
    return;
  }
  const contents = await readArchive(path, item.contents);
  for (const file of item.contents) checkContent(path, file, contents.get(file.name) ?? new Uint8Array());
}

/** Tries each address in turn; the last one's error stands where none succeeds. */
async function fetchFile(
  set: PublicSet,
  item: Download,
  folder: string,
  options: FetchOptions,
): Promise<void> {
  const configured =
    options.mirrors ?? (process.env['QSPEC_MIRROR'] ?? '').split(/\s+/).filter((mirror) => mirror !== '');
  const addresses = configured.map((mirror) => `${mirror.replace(/\/+$/, '')}/${set.folder}/${item.name}`);
  const urls = addresses.length > 0 ? addresses : [set.home + item.name];
  await removeStale(folder, item.name);
  const temporary = join(folder, temporaryName(item.name, process.pid));
  for (const [index, url] of urls.entries()) {
    options.log?.(`fetching ${url}`);
    try {
      await fetchVerified(url, temporary, item, options);
      await rename(temporary, join(folder, item.name));
      await syncFolder(folder);
      return;
    } catch (failure) {
      await rm(temporary, { force: true });
      options.signal?.throwIfAborted();
      if (!(failure instanceof DataError)) throw writeFailure(join(folder, item.name), failure);
      const isServerFailure = failure.code === 'QS7031' || failure.code === 'QS7032';
      if (!isServerFailure || index === urls.length - 1) throw failure;
      options.log?.(failure.message);
    }
  }
}

/** A wrong file may come of a transfer that was interrupted or resumed, so it is fetched once more from the start. */
async function fetchVerified(
  url: string,
  temporary: string,
  item: Download,
  options: FetchOptions,
): Promise<void> {
  const { progress } = options;
  const settings: DownloadOptions = {
    ...options,
    maxBytes: 2 * item.contents.reduce((sum, file) => sum + file.bytes, 1 << 20),
    progress: progress && ((received, total) => progress(item.name, received, total)),
  };
  for (let remaining = 1; ; remaining--) {
    await download(url, temporary, settings);
    try {
      await verify(temporary, item);
      return;
    } catch (failure) {
      if (!(failure instanceof DataError)) throw failure;
      const reason = failure.message.replaceAll(temporary, item.name);
      if (remaining === 0) {
        throw dataError(
          'QS7032',
          { url, reason },
          'the server may be wrong or changed; QSPEC_MIRROR names another',
        );
      }
      options.log?.(`${reason}; trying once more`);
    }
  }
}

function temporaryName(name: string, pid: number): string {
  return `.${name}.${pid}.part`;
}

/** Removes the parts that killed processes left behind. */
async function removeStale(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const pid = Number(/\.(\d+)\.part$/.exec(entry)?.[1] ?? Number.NaN);
    if (entry === temporaryName(name, pid) && !isRunning(pid)) await rm(join(folder, entry), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (failure) {
    return systemCode(failure) === 'EPERM';
  }
}
