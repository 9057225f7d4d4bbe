import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loadPublicSet } from '../../runtime/data/public-data.ts';
import { PUBLIC_SETS } from '../../runtime/data/public-sets.ts';
import { elements } from '../../runtime/data/split.ts';
import { temporaryFolder } from '../support/temporary.ts';
import {
  CIFAR_RECORDS,
  cifarSet,
  IDX_TRAIN,
  idx,
  idxSet,
  noiseBytes,
  type Synthetic,
  tarGz,
  writeFiles,
} from './synthetic.ts';

const IMAGES = 'train-images-idx3-ubyte';
const LABELS = 'train-labels-idx1-ubyte';

/** The set's files under `folder`, each changed by `edit` as named. */
function files(
  synthetic: Synthetic,
  folder: string,
  edit: (name: string, content: Uint8Array) => Uint8Array = (_, c) => c,
) {
  return [...synthetic.contents].map(([name, content]) => [join(folder, name), edit(name, content)] as const);
}

describe('where files may lie', () => {
  const plain = idxSet();
  test.each([
    ['plain, in the set’s folder', files(plain, 'tiny')],
    ['plain, flat', files(plain, '.')],
    [
      'gzipped, in the set’s folder',
      files(plain, 'tiny').map(([name, c]) => [`${name}.gz`, gzipSync(c)] as const),
    ],
    ['gzipped, flat', files(plain, '.').map(([name, c]) => [`${name}.gz`, gzipSync(c)] as const)],
    ['gzipped without saying so', files(plain, 'tiny').map(([name, c]) => [name, gzipSync(c)] as const)],
    ['plain though named .gz', files(plain, 'tiny').map(([name, c]) => [`${name}.gz`, c] as const)],
  ])('IDX: %s', async (_, layout) => {
    const root = await temporaryFolder();
    await writeFiles(root, layout);
    const { train, test: held } = await loadPublicSet(plain.set, root);
    expect(train.count).toBe(IDX_TRAIN);
    expect(Uint8Array.from(train.x)).toEqual(noiseBytes(IDX_TRAIN * 24));
    expect([...(train.labels ?? [])]).toEqual([0, 3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1]);
    expect(held.count).toBe(5);
  });

  const cifar = cifarSet();
  test.each([
    ['plain', async () => files(cifar, 'batches-bin')],
    [
      'gzipped',
      async () => files(cifar, 'tinycifar').map(([name, c]) => [`${name}.gz`, gzipSync(c)] as const),
    ],
    ['in a folder of the folder', async () => files(cifar, 'tinycifar/batches-bin')],
    [
      'in the archive',
      async () => [['tinycifar/tiny-binary.tar.gz', await tarGz(files(cifar, 'some-folder'))] as const],
    ],
    ['in the archive, flat', async () => [['tiny-binary.tar.gz', await tarGz(files(cifar, '.'))] as const]],
    [
      'one batch beside the archive that holds the others',
      async () => [
        ...files(cifar, 'tinycifar').slice(0, 1),
        ['tinycifar/tiny-binary.tar.gz', await tarGz(files(cifar, 'x').slice(1))] as const,
      ],
    ],
  ])('CIFAR: %s', async (_, layout) => {
    const root = await temporaryFolder();
    await writeFiles(root, await layout());
    const { train, test: held } = await loadPublicSet(cifar.set, root);
    expect(train.count).toBe(2 * CIFAR_RECORDS);
    expect([...(train.labels ?? [])]).toEqual([1, 2, 3, 2, 3, 4]);
    const second = cifar.contents.get('data_batch_2.bin') ?? new Uint8Array();
    expect(Uint8Array.from(train.x.subarray(3 * 12, 4 * 12))).toEqual(second.slice(1, 13));
    expect([...(held.labels ?? [])]).toEqual([3, 4, 5]);
  });
});

describe('what is wrong with an IDX file', () => {
  const tiny = idxSet();
  const without = (name: string, bytes: number) => (own: string, c: Uint8Array) =>
    own === name ? c.subarray(0, c.length - bytes) : c;
  const replaced = (name: string, content: Uint8Array) => (own: string, c: Uint8Array) =>
    own === name ? content : c;
  const pixels = noiseBytes(IDX_TRAIN * 24);
  const flipped = Uint8Array.from(pixels);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  const zeros = new Uint8Array(IDX_TRAIN);

  test.each([
    [
      'cut within its pixels',
      without(IMAGES, 7),
      'QS7005',
      `it holds ${16 + IDX_TRAIN * 24 - 7} bytes, not the expected ${16 + IDX_TRAIN * 24}`,
    ],
    [
      'cut within its header',
      replaced(IMAGES, idx([1], pixels).subarray(0, 6)),
      'QS7005',
      'it holds 6 bytes, not the expected 16 bytes',
    ],
    ['empty', replaced(IMAGES, new Uint8Array()), 'QS7005', 'it holds 0 bytes'],
    [
      'of another type',
      replaced(IMAGES, idx([IDX_TRAIN, 6, 4], pixels, 0x0d03)),
      'QS7008',
      'first four bytes are 0x00000d03, not 0x00000803',
    ],
    ['labels in place of images', replaced(IMAGES, idx([IDX_TRAIN], zeros)), 'QS7008', 'not 0x00000803'],
    ['of another size', replaced(IMAGES, idx([IDX_TRAIN, 4, 6], pixels)), 'QS7008', 'its images are 4 × 6'],
    [
      'of absurd sizes',
      replaced(IMAGES, idx([0xffffffff, 0xffffffff, 0xffffffff], pixels)),
      'QS7005',
      'truncated',
    ],
    [
      'longer than it says',
      replaced(IMAGES, idx([IDX_TRAIN - 1, 6, 4], pixels)),
      'QS7008',
      '24 bytes follow',
    ],
    [
      'one label short',
      replaced(LABELS, idx([IDX_TRAIN - 1], zeros.subarray(1))),
      'QS7008',
      '11 labels for the 12 images',
    ],
    [
      'a label past the classes',
      replaced(LABELS, idx([IDX_TRAIN], zeros.with(5, 4))),
      'QS7009',
      'sample 5 has the label 4, but classes go from 0 to 3',
    ],
    [
      'one pixel flipped',
      replaced(IMAGES, idx([IDX_TRAIN, 6, 4], flipped)),
      'QS7007',
      'not the published train-images-idx3-ubyte',
    ],
    [
      'a gzip file cut short',
      replaced(IMAGES, gzipSync(idx([IDX_TRAIN, 6, 4], pixels)).subarray(0, 90)),
      'QS7005',
      'its compressed data ends before',
    ],
    [
      'a gzip file with a wrong byte',
      replaced(IMAGES, gzipSync(idx([IDX_TRAIN, 6, 4], pixels)).with(40, 7)),
      'QS7006',
      'corrupted',
    ],
    [
      'a gzip file that unpacks to too much',
      replaced(IMAGES, gzipSync(new Uint8Array(1 << 22))),
      'QS7006',
      `more than the expected ${16 + IDX_TRAIN * 24} bytes`,
    ],
  ])('%s', async (_, edit, code, words) => {
    const root = await temporaryFolder();
    await writeFiles(root, files(tiny, 'tiny', edit));
    await expect(loadPublicSet(tiny.set, root)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });

  test('the missing files are listed, with how to get them', async () => {
    const root = await temporaryFolder();
    await writeFiles(root, files(tiny, 'tiny').slice(0, 2));
    await expect(loadPublicSet(tiny.set, root)).rejects.toMatchObject({
      code: 'QS7003',
      message: `Tiny is not complete in ${root}: t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte are missing`,
      hint: 'fetch it with `qspec data fetch tiny`, or set QSPEC_DATA to the folder that has it',
    });
  });

  test('a folder in place of a file does not count', async () => {
    const root = await temporaryFolder();
    await writeFiles(root, files(tiny, 'tiny').slice(1));
    await writeFiles(root, [[`tiny/${IMAGES}/readme`, 'text']]);
    await expect(loadPublicSet(tiny.set, root)).rejects.toMatchObject({ code: 'QS7003' });
  });
});

describe('what is wrong with a CIFAR file', () => {
  const cifar = cifarSet();
  const content = (name: string) => cifar.contents.get(name) ?? new Uint8Array();

  test.each([
    [
      'cut within a record',
      content('data_batch_1.bin').subarray(0, 20),
      'QS7005',
      'it holds 20 bytes, not the expected 26',
    ],
    [
      'cut between records',
      content('data_batch_1.bin').subarray(0, 26),
      'QS7005',
      'it holds 26 bytes, not the expected 39',
    ],
    [
      'a label past the classes',
      content('data_batch_1.bin').with(13, 77),
      'QS7009',
      'sample 1 has the label 77',
    ],
    ['another batch', content('data_batch_2.bin'), 'QS7007', 'not the published data_batch_1.bin'],
  ])('%s', async (_, bytes, code, words) => {
    const root = await temporaryFolder();
    await writeFiles(
      root,
      files(cifar, 'tinycifar', (name, c) => (name === 'data_batch_1.bin' ? bytes : c)),
    );
    await expect(loadPublicSet(cifar.set, root)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });

  test.each([
    ['cut short', async () => (await tarGz(files(cifar, 'x'))).subarray(0, 60), 'QS7005', 'truncated'],
    ['no gzip file', async () => noiseBytes(999), 'QS7006', 'incorrect header check'],
    ['no tar archive', async () => gzipSync(noiseBytes(9999)), 'QS7006', 'corrupted'],
    [
      'without a batch',
      async () => tarGz(files(cifar, 'x').slice(1)),
      'QS7006',
      'the archive lacks data_batch_1.bin',
    ],
    [
      'with a changed batch',
      async () => tarGz(files(cifar, 'x', (_, c) => c.with(1, (c[1] ?? 0) ^ 1))),
      'QS7007',
      'tiny-binary.tar.gz/data_batch_1.bin is not the published',
    ],
  ])('an archive %s', async (_, archive, code, words) => {
    const root = await temporaryFolder();
    await writeFiles(root, [['tiny-binary.tar.gz', await archive()]]);
    await expect(loadPublicSet(cifar.set, root)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });
});

test('the published sets are described consistently', () => {
  for (const set of PUBLIC_SETS) {
    const contents = set.downloads.flatMap((item) => item.contents);
    expect(new Set(contents)).toEqual(new Set([...set.train, ...set.test]));
    expect(set.places).toContain(set.folder);
    for (const file of contents) {
      expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
      const sampleBytes = elements(set.sampleShape) + 1;
      if (set.format === 'cifar') expect(file.bytes % sampleBytes).toBe(0);
    }
  }
});
