import { damaged } from './content.ts';
import { elements } from './split.ts';

/**
 * Copies the records of one CIFAR binary batch, a label byte and the red, green and blue planes each, behind the
 * `first` samples that `x` and `labels` already hold.
 *
 * @returns how many records the batch has
 * @throws DataError where the file ends within a record
 */
export function copyCifarBatch(
  bytes: Uint8Array,
  sampleShape: readonly number[],
  path: string,
  into: { readonly x: Uint8Array; readonly labels: Int32Array; readonly first: number },
): number {
  const pixels = elements(sampleShape);
  const count = cifarRecords(bytes, pixels, path);
  for (let i = 0; i < count; i++) {
    const record = i * (pixels + 1);
    into.labels[into.first + i] = bytes[record] ?? 0;
    into.x.set(bytes.subarray(record + 1, record + 1 + pixels), (into.first + i) * pixels);
  }
  return count;
}

/** Records of `pixels` bytes and a label in a batch. @throws DataError where the last one is cut off */
export function cifarRecords(bytes: Uint8Array, pixels: number, path: string): number {
  const record = pixels + 1;
  const count = Math.ceil(bytes.length / record);
  if (count * record !== bytes.length) {
    throw damaged('QS7005', { path, actual: bytes.length, expected: count * record });
  }
  return count;
}
