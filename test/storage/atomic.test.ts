import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FileSystem, temporaryName, writeAtomic } from '../../runtime/storage/atomic.ts';
import { temporaryFolder } from '../support/temporary.ts';

type Operation = 'open' | 'write' | 'sync' | 'close' | 'rename';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** The real file system, except that one operation on a file fails, a write after half of its bytes; logs what was done. */
function failing(operation: Operation | undefined, code = 'ENOSPC', log: string[] = []): FileSystem {
  const step = (name: Operation, path: string) => {
    log.push(`${name} ${path.split('/').at(-1)}`);
    if (name === operation) throw systemError(code);
  };
  return {
    async open(path, flags) {
      if (flags === 'w') step('open', path);
      const file = await open(path, flags);
      return {
        writeFile: async (data) => {
          if (operation === 'write' && data instanceof Uint8Array)
            await file.write(data.subarray(0, data.length / 2));
          step('write', path);
          await file.writeFile(data as Uint8Array);
        },
        sync: async () => {
          step('sync', path);
          await file.sync();
        },
        close: async () => {
          await file.close();
          step('close', path);
        },
      };
    },
    async rename(from, to) {
      step('rename', from);
      await rename(from, to);
    },
    rm,
  };
}

const OLD = Uint8Array.from({ length: 100 }, () => 1);
const NEW = Uint8Array.from({ length: 100 }, () => 2);

describe('writeAtomic', () => {
  test('replaces the content and leaves nothing else behind', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'state');
    await writeAtomic(path, OLD);
    await writeAtomic(path, NEW);
    expect(new Uint8Array(await readFile(path))).toEqual(NEW);
    expect(await readdir(folder)).toEqual(['state']);
    await writeAtomic(path, 'text ∘');
    expect(await readFile(path, 'utf8')).toBe('text ∘');
  });

  test('the content is on the disk before the name is, and then the name', async () => {
    const folder = await temporaryFolder();
    const log: string[] = [];
    await writeAtomic(join(folder, 'state'), NEW, failing(undefined, '', log));
    const base = folder.split('/').at(-1);
    const tmp = 'state.tmp';
    expect(log).toEqual([
      `open ${tmp}`,
      `write ${tmp}`,
      `sync ${tmp}`,
      `close ${tmp}`,
      `rename ${tmp}`,
      `sync ${base}`,
      `close ${base}`,
    ]);
  });

  test.each(['open', 'write', 'sync', 'close', 'rename'] as const)(
    'a disk that is full at %s leaves the old content and nothing new',
    async (operation) => {
      const folder = await temporaryFolder();
      const path = join(folder, 'state');
      await writeFile(path, OLD);
      const attempt = writeAtomic(path, NEW, failing(operation));
      await expect(attempt).rejects.toMatchObject({
        name: 'DataError',
        code: 'QS7050',
        message: `no space left on the disk while writing ${path}`,
        hint: expect.stringContaining('free some space'),
      });
      expect(new Uint8Array(await readFile(path))).toEqual(OLD);
      expect(await readdir(folder)).toEqual(['state']);
    },
  );

  test.each([
    ['EDQUOT', 'QS7050', 'no space left'],
    ['EROFS', 'QS7051', 'the file system is read-only'],
    ['EACCES', 'QS7051', 'permission denied'],
    ['EIO', 'QS7051', 'the device reports an error'],
  ])('%s is said in words', async (systemCode, code, words) => {
    const folder = await temporaryFolder();
    const attempt = writeAtomic(join(folder, 'state'), NEW, failing('write', systemCode));
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    expect(await readdir(folder)).toEqual([]);
  });

  test('a folder that does not exist is said in words', async () => {
    const folder = await temporaryFolder();
    const attempt = writeAtomic(join(folder, 'none', 'state'), NEW);
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7051',
      message: expect.stringContaining('folder does not exist'),
    });
  });

  test('what a killed writer left is overwritten', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'state');
    await writeFile(temporaryName(path), 'a half-written state that is longer than the next one'.repeat(9));
    await writeAtomic(path, NEW);
    expect(new Uint8Array(await readFile(path))).toEqual(NEW);
    expect(await readdir(folder)).toEqual(['state']);
  });
});
