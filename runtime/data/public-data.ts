import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dataError } from '../storage/data-error.ts';
import { readArchive } from './archive.ts';
import { cifarRecords, copyCifarBatch } from './cifar.ts';
import { checkContent, damaged, readContent } from './content.ts';
import { parseIdx } from './idx.ts';
import type { PublicFile, PublicSet } from './public-sets.ts';
import { elements, type Split } from './split.ts';

/** A file's uncompressed content and the path that messages name. */
interface Content {
  readonly file: PublicFile;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a public data set from the data folder: each file plain or gzipped, in any of the set's places, or all of them in the
 * archive that their public home ships.
 *
 * @throws DataError where a file is missing, truncated, corrupted or not what was published
 */
export async function loadPublicSet(
  set: PublicSet,
  root: string,
): Promise<{ readonly train: Split; readonly test: Split }> {
  const contents = await readFiles(set, [...set.train, ...set.test], root);
  const part = (files: readonly PublicFile[]): Split => {
    const own = contents.filter((content) => files.includes(content.file));
    const split = set.format === 'idx' ? idxSplit(own, set) : cifarSplit(own, set);
    // Structure is checked before the checksum, because it says better what is wrong.
    for (const { path, file, bytes } of own) checkContent(path, file, bytes);
    return split;
  };
  return { train: part(set.train), test: part(set.test) };
}

/** The paths below the data folder at which a file of the set may lie. */
function candidates(set: PublicSet, name: string, root: string): readonly string[] {
  return set.places.flatMap((place) => [join(root, place, name), join(root, place, `${name}.gz`)]);
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
  }
  return undefined;
}

async function readFiles(
  set: PublicSet,
  files: readonly PublicFile[],
  root: string,
): Promise<readonly Content[]> {
  const located = await Promise.all(
    files.map(async (file) => ({ file, path: await firstFile(candidates(set, file.name, root)) })),
  );
  const missing = located.filter(({ path }) => path === undefined).map(({ file }) => file);
  const archived = await readArchived(set, missing, root);
  if (archived.length < missing.length) {
    throw dataError(
      'QS7003',
      { dataset: set.title, files: missing.map((file) => file.name), root },
      `fetch it with \`qspec data fetch ${set.folder}\`, or set QSPEC_DATA to the folder that has it`,
    );
  }
  const plain = located.flatMap(({ file, path }) => (path === undefined ? [] : [{ file, path }]));
  const read = await Promise.all(
    plain.map(async ({ file, path }) => ({ file, path, bytes: await readContent(path, file.bytes) })),
  );
  const all = [...read, ...archived];
  return files.flatMap((file) => all.filter((content) => content.file === file));
}

async function readArchived(
  set: PublicSet,
  files: readonly PublicFile[],
  root: string,
): Promise<readonly Content[]> {
  if (files.length === 0) return [];
  for (const download of set.downloads) {
    if (!files.every((file) => download.contents.includes(file)) || download.contents.length === 1) continue;
    const path = await firstFile(set.places.map((place) => join(root, place, download.name)));
    if (path === undefined) continue;
    const contents = await readArchive(path, files);
    return files.flatMap((file) => {
      const bytes = contents.get(file.name);
      return bytes ? [{ file, path: `${path}/${file.name}`, bytes }] : [];
    });
  }
  return [];
}

function idxSplit(contents: readonly Content[], set: PublicSet): Split {
  const [images, labels] = contents;
  if (!images || !labels) throw new Error(`${set.title} needs images and labels`);
  const { shape, data } = parseIdx(images.bytes, 3, images.path);
  const classes = parseIdx(labels.bytes, 1, labels.path);
  const [count = 0, height = 0, width = 0] = shape;
  const [, expectedHeight, expectedWidth] = set.sampleShape;
  const format = `an IDX file of ${expectedHeight} × ${expectedWidth} images`;
  if (height !== expectedHeight || width !== expectedWidth) {
    throw damaged('QS7008', { path: images.path, format, reason: `its images are ${height} × ${width}` });
  }
  if (classes.data.length !== count) {
    const reason = `it has ${classes.data.length} labels for the ${count} images of ${images.file.name}`;
    throw damaged('QS7008', { path: labels.path, format: 'the label file of its images', reason });
  }
  checkLabels(classes.data, set.classes, labels.path);
  return { count, x: data, labels: Int32Array.from(classes.data) };
}

function cifarSplit(contents: readonly Content[], set: PublicSet): Split {
  const pixels = elements(set.sampleShape);
  const count = contents.reduce((sum, { bytes, path }) => sum + cifarRecords(bytes, pixels, path), 0);
  const x = new Uint8Array(count * pixels);
  const labels = new Int32Array(count);
  let first = 0;
  for (const { bytes, path } of contents) {
    const added = copyCifarBatch(bytes, set.sampleShape, path, { x, labels, first });
    checkLabels(labels.subarray(first, first + added), set.classes, path);
    first += added;
  }
  return { count, x, labels };
}

function checkLabels(labels: Uint8Array | Int32Array, classes: number, path: string): void {
  const sample = labels.findIndex((label) => label >= classes);
  if (sample >= 0) throw damaged('QS7009', { path, sample, label: labels[sample] ?? 0, classes });
}
