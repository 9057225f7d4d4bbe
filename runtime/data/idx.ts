import { damaged } from './content.ts';
import { elements } from './split.ts';

const UNSIGNED_BYTES = 0x08;

/**
 * The bytes of an IDX file (LeCun): two zero bytes, the element type, the number of dimensions, each size as a
 * 32-bit big-endian integer, then the elements, row-major.
 *
 * @returns the sizes and a view on the elements
 * @throws DataError unless it is an IDX file of unsigned bytes with `dimensions` dimensions
 */
export function parseIdx(
  bytes: Uint8Array,
  dimensions: number,
  path: string,
): { shape: readonly number[]; data: Uint8Array } {
  const format = `an IDX file of unsigned bytes with ${dimensions} ${dimensions === 1 ? 'dimension' : 'dimensions'}`;
  const headerBytes = 4 + 4 * dimensions;
  if (bytes.length < headerBytes)
    throw damaged('QS7005', { path, actual: bytes.length, expected: headerBytes });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const expected = (UNSIGNED_BYTES << 8) | dimensions;
  if (magic !== expected) {
    throw damaged('QS7008', {
      path,
      format,
      reason: `its first four bytes are ${hex(magic)}, not ${hex(expected)}`,
    });
  }
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
  const total = headerBytes + elements(shape);
  if (bytes.length < total) throw damaged('QS7005', { path, actual: bytes.length, expected: total });
  if (bytes.length > total) {
    throw damaged('QS7008', {
      path,
      format,
      reason: `${bytes.length - total} bytes follow its ${shape.join(' × ')} elements`,
    });
  }
  return { shape, data: bytes.subarray(headerBytes) };
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, '0')}`;
}
