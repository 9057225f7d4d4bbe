import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, removeFolders, writeFiles } from '../../runtime/storage/folder.ts';
import { temporaryFolder } from '../support/temporary.ts';

const all = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

describe('makeFolder', () => {
  test('makes what is missing and says so, outermost first', async () => {
    const folder = await temporaryFolder();
    const made = await makeFolder(join(folder, 'a', 'b', 'c'));
    expect(made).toEqual([join(folder, 'a'), join(folder, 'a', 'b'), join(folder, 'a', 'b', 'c')]);
    expect(await makeFolder(join(folder, 'a', 'b'))).toEqual([]);
    await writeFile(join(folder, 'a', 'b', 'kept'), '');
    await removeFolders(made);
    expect(await all(folder)).toEqual(['a', join('a', 'b'), join('a', 'b', 'kept')]);
  });

  test('a link to a folder is a folder, one to nothing is in the way', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'link'));
    expect(await makeFolder(join(folder, 'link', 'below'))).toEqual([join(folder, 'link', 'below')]);
    await symlink('nowhere', join(folder, 'dangling'));
    await expect(makeFolder(join(folder, 'dangling', 'below'))).rejects.toMatchObject({ code: 'QS7051' });
  });

  test('leaves nothing behind where it fails', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    for (const path of ['file', 'file/below/it', 'a/b/\0', `new/${'x'.repeat(300)}/below`]) {
      await expect(makeFolder(join(folder, path))).rejects.toMatchObject({ code: 'QS7051' });
      expect(await all(folder)).toEqual(['file']);
    }
  });

  test.runIf(process.platform === 'linux')('does not wait for a system that makes no folder', async () => {
    await expect(makeFolder('/proc/qspec/below')).rejects.toMatchObject({ code: 'QS7051' });
  });
});

describe('writeFiles', () => {
  test('writes all of them, in folders of their own', async () => {
    const folder = join(await temporaryFolder(), 'new');
    await writeFiles(
      folder,
      new Map<string, string | Uint8Array>([
        ['a.txt', 'a'],
        [join('below', 'b.txt'), Uint8Array.of(98)],
      ]),
    );
    expect(await all(folder)).toEqual(['a.txt', 'below', join('below', 'b.txt')]);
    expect(await readFile(join(folder, 'below', 'b.txt'), 'utf8')).toBe('b');
  });

  test('replaces none where one cannot be written', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.txt'), 'old');
    await mkdir(join(folder, 'taken'));
    const files = new Map([
      ['a.txt', 'new'],
      [join('below', 'b.txt'), 'new'],
      ['taken', 'new'],
    ]);
    await expect(writeFiles(folder, files)).rejects.toMatchObject({
      code: 'QS7051',
      message: expect.stringContaining('it is a folder'),
    });
    expect(await all(folder)).toEqual(['a.txt', 'taken']);
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('old');
  });
});
