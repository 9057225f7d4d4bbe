import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { HostTensor } from '../engines/engine.ts';
import { type FileSystem, writeAtomic } from './atomic.ts';
import { dataError, readFailure } from './data-error.ts';
import { decodeHeader, PREFIX_BYTES } from './safetensors-header.ts';

/**
 * The safetensors format (huggingface/safetensors): the header's length as a 64-bit little-endian integer, a JSON
 * header, then the tensors' bytes, row-major and little-endian, without gaps. Typed arrays are taken to be
 * little-endian, as on every platform that Node.js supports for these packages.
 */
export interface TensorFile {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

const DTYPES = { f32: 'F32', i32: 'I32' } as const;

function byteView(data: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The file's bytes: the same for the same content, in whatever order the maps were filled. */
export function encodeSafetensors(file: TensorFile): Uint8Array {
  const names = [...file.tensors.keys()].sort();
  const entries: string[] = [];
  if (file.metadata.size > 0) {
    const pairs = [...file.metadata.keys()]
      .sort()
      .map((key) => `${JSON.stringify(key)}:${JSON.stringify(file.metadata.get(key))}`);
    entries.push(`"__metadata__":{${pairs.join(',')}}`);
  }
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const name of names) {
    const tensor = file.tensors.get(name);
    if (tensor === undefined) continue;
    const elements = tensor.shape.reduce((product, size) => product * size, 1);
    if (name === '__metadata__' || elements !== tensor.data.length) {
      throw new Error(`tensor ${name} of shape [${tensor.shape}] holds ${tensor.data.length} values`);
    }
    const start = end;
    end += tensor.data.byteLength;
    parts.push(byteView(tensor.data));
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"${DTYPES[tensor.dtype]}","shape":[${tensor.shape.join(',')}],"data_offsets":[${start},${end}]}`,
    );
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  // Blanks after the header keep the tensors 8-byte aligned, as the format's own writer does.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX_BYTES + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, PREFIX_BYTES, PREFIX_BYTES + headerBytes);
  bytes.set(json, PREFIX_BYTES);
  let offset = PREFIX_BYTES + headerBytes;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * Reads a file's bytes; tensors come in the order of their offsets and own their memory.
 * @throws DataError where the header is malformed or a dtype is not F32 or I32
 */
export function decodeSafetensors(bytes: Uint8Array, path: string): TensorFile {
  const header = decodeHeader(bytes, path);
  const tensors = new Map<string, HostTensor>();
  for (const { name, dtype, shape, start, end } of header.tensors) {
    // A copy starts at an aligned address, which the file's own bytes need not.
    const copy = new Uint8Array(bytes.subarray(header.dataStart + start, header.dataStart + end));
    if (dtype === 'F32') {
      tensors.set(name, {
        dtype: 'f32',
        shape,
        data: new Float32Array(copy.buffer),
      });
    } else if (dtype === 'I32') {
      tensors.set(name, {
        dtype: 'i32',
        shape,
        data: new Int32Array(copy.buffer),
      });
    } else {
      throw dataError(
        'QS7053',
        { path, tensor: name, dtype },
        'convert the tensor to F32 and save the file again',
      );
    }
  }
  return { tensors, metadata: header.metadata };
}

/** Key of the metadata under which a file that QSpec writes holds the checksum of the rest. */
const CHECKSUM = 'qspec.sha256';

/** SHA-256 of the bytes that the file has without its checksum. */
function checksum(file: TensorFile): string {
  return createHash('sha256').update(encodeSafetensors(file)).digest('hex');
}

/** Writes a file atomically, with a checksum in its metadata. @throws DataError where it cannot be written */
export async function writeSafetensors(path: string, file: TensorFile, fs?: FileSystem): Promise<void> {
  const metadata = new Map([...file.metadata, [CHECKSUM, checksum(file)]]);
  await writeAtomic(path, encodeSafetensors({ ...file, metadata }), fs);
}

/**
 * Reads a file; the checksum is checked where there is one, as in every file that {@link writeSafetensors} wrote.
 * @throws DataError where the file is missing, unreadable, malformed or not as it was written
 */
export async function readSafetensors(path: string): Promise<TensorFile> {
  const bytes = await readFile(path).catch((failure: unknown) => {
    throw readFailure(path, failure);
  });
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const file = { tensors, metadata: new Map([...metadata].filter(([key]) => key !== CHECKSUM)) };
  const expected = metadata.get(CHECKSUM);
  if (expected !== undefined && expected !== checksum(file)) {
    throw dataError('QS7006', {
      path,
      reason: 'its content does not match the checksum that it was written with',
    });
  }
  return file;
}
