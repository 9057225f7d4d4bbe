import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { sha256 } from '../../runtime/data/content.ts';
import type { PublicFile, PublicSet } from '../../runtime/data/public-sets.ts';

/** Bytes that look random but are the same in each run. */
export function noiseBytes(count: number, salt = 0): Uint8Array {
  return Uint8Array.from(
    { length: count },
    (_, i) => (Math.imul(i + 1 + salt * 7919, 2654435761) >>> 13) & 0xff,
  );
}

/** An IDX file of unsigned bytes. */
export function idx(shape: readonly number[], data: Uint8Array, magic = 0x0800 | shape.length): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  shape.forEach((size, axis) => {
    view.setUint32(4 + 4 * axis, size);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

function publicFile(name: string, content: Uint8Array): PublicFile {
  return { name, sha256: sha256(content), bytes: content.length };
}

/** A public data set too small to be one, with the content of each of its files. */
export interface Synthetic {
  readonly set: PublicSet;
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

export const IDX_TRAIN = 12;
const IDX_TEST = 5;

/** `IDX_TRAIN` images of 6 × 4 pixels in four classes, in the four files of MNIST. */
export function idxSet(folder = 'tiny'): Synthetic {
  const labels = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 3) % 4);
  const contents = new Map([
    ['train-images-idx3-ubyte', idx([IDX_TRAIN, 6, 4], noiseBytes(IDX_TRAIN * 24))],
    ['train-labels-idx1-ubyte', idx([IDX_TRAIN], labels(IDX_TRAIN))],
    ['t10k-images-idx3-ubyte', idx([IDX_TEST, 6, 4], noiseBytes(IDX_TEST * 24, 1))],
    ['t10k-labels-idx1-ubyte', idx([IDX_TEST], labels(IDX_TEST))],
  ]);
  const files = [...contents].map(([name, content]) => publicFile(name, content));
  return {
    set: {
      folder,
      title: 'Tiny',
      format: 'idx',
      sampleShape: [1, 6, 4],
      classes: 4,
      train: files.slice(0, 2),
      test: files.slice(2),
      places: [folder, '.'],
      home: 'http://home.invalid/',
      downloads: files.map((file) => ({ name: `${file.name}.gz`, contents: [file] })),
    },
    contents,
  };
}

export const CIFAR_RECORDS = 3;

/** Two training batches and a test batch of `CIFAR_RECORDS` records of 3 × 2 × 2 pixels in ten classes. */
export function cifarSet(): Synthetic {
  const batch = (salt: number) => {
    const bytes = noiseBytes(CIFAR_RECORDS * 13, salt);
    for (let i = 0; i < CIFAR_RECORDS; i++) bytes[i * 13] = (salt + i) % 10;
    return bytes;
  };
  const contents = new Map([
    ['data_batch_1.bin', batch(1)],
    ['data_batch_2.bin', batch(2)],
    ['test_batch.bin', batch(3)],
  ]);
  const files = [...contents].map(([name, content]) => publicFile(name, content));
  return {
    set: {
      folder: 'tinycifar',
      title: 'Tiny CIFAR',
      format: 'cifar',
      sampleShape: [3, 2, 2],
      classes: 10,
      train: files.slice(0, 2),
      test: files.slice(2),
      places: ['tinycifar', 'tinycifar/batches-bin', 'batches-bin', '.'],
      home: 'http://home.invalid/',
      downloads: [{ name: 'tiny-binary.tar.gz', contents: files }],
    },
    contents,
  };
}

/** A gzipped tar archive. */
export async function tarGz(files: Iterable<readonly [string, Uint8Array]>): Promise<Uint8Array> {
  const archive = pack();
  for (const [name, content] of files) archive.entry({ name }, Buffer.from(content));
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

/** Writes files below `root`, making their folders. */
export async function writeFiles(
  root: string,
  files: Iterable<readonly [string, Uint8Array | string]>,
): Promise<void> {
  for (const [name, content] of files) {
    const path = join(root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}
