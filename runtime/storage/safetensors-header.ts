import { dataError } from './data-error.ts';

export const PREFIX_BYTES = 8;

/** The format's own limit on the header. */
const MAX_HEADER_BYTES = 100_000_000;

/** Bytes an element takes, for every dtype of whole bytes that the format names. */
const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ['BOOL', 1],
  ['U8', 1],
  ['I8', 1],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
  ['F8_E8M0', 1],
  ['U16', 2],
  ['I16', 2],
  ['F16', 2],
  ['BF16', 2],
  ['U32', 4],
  ['I32', 4],
  ['F32', 4],
  ['U64', 8],
  ['I64', 8],
  ['F64', 8],
  ['C64', 8],
]);

export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte offsets from the end of the header. */
  readonly start: number;
  readonly end: number;
}

export interface Header {
  /** In the order of their offsets, one directly after the other. */
  readonly tensors: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Byte at which the tensors' data starts. */
  readonly dataStart: number;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSize(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The tensors that `bytes` declares, each known to lie in the file, apart from the others and of the size its shape needs. */
export function decodeHeader(bytes: Uint8Array, path: string): Header {
  const malformed = (reason: string) => dataError('QS7052', { path, reason });
  if (bytes.length < PREFIX_BYTES)
    throw malformed(`it has ${bytes.length} bytes, fewer than the header's length takes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw malformed(`it declares a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are allowed`);
  const dataStart = PREFIX_BYTES + Number(length);
  if (dataStart > bytes.length) {
    throw malformed(
      `it declares a header of ${length} bytes, but only ${bytes.length - PREFIX_BYTES} bytes follow`,
    );
  }
  const json = parseJson(bytes.subarray(PREFIX_BYTES, dataStart), malformed);
  if (!isObject(json)) throw malformed('its header is not a JSON object');

  const metadata = new Map<string, string>();
  const tensors: TensorEntry[] = [];
  for (const [name, entry] of Object.entries(json)) {
    if (name !== '__metadata__') {
      tensors.push(tensorEntry(name, entry, malformed));
      continue;
    }
    if (!isObject(entry)) throw malformed('__metadata__ is not an object');
    for (const [key, value] of Object.entries(entry)) {
      if (typeof value !== 'string') throw malformed(`the metadata ${JSON.stringify(key)} is not a string`);
      metadata.set(key, value);
    }
  }

  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  let end = 0;
  for (const tensor of tensors) {
    if (tensor.start < end)
      throw malformed(`the bytes of tensor ${JSON.stringify(tensor.name)} overlap another tensor's`);
    if (tensor.start > end)
      throw malformed(
        `${tensor.start - end} bytes before tensor ${JSON.stringify(tensor.name)} belong to no tensor`,
      );
    end = tensor.end;
  }
  const available = bytes.length - dataStart;
  if (end > available)
    throw malformed(`its tensors need ${end} bytes, but only ${available} follow the header`);
  if (end < available) throw malformed(`${available - end} bytes after the last tensor belong to no tensor`);
  return { tensors, metadata, dataStart };
}

function tensorEntry(name: string, entry: Json, malformed: (reason: string) => Error): TensorEntry {
  const quoted = JSON.stringify(name);
  if (!isObject(entry)) throw malformed(`the entry of tensor ${quoted} is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  for (const key of Object.keys(entry)) {
    if (!['dtype', 'shape', 'data_offsets'].includes(key))
      throw malformed(`tensor ${quoted} has the unknown key ${JSON.stringify(key)}`);
  }
  if (typeof dtype !== 'string') throw malformed(`tensor ${quoted} has no dtype`);
  const elementBytes = DTYPE_BYTES.get(dtype);
  if (elementBytes === undefined)
    throw malformed(`tensor ${quoted} has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isSize))
    throw malformed(`the shape of tensor ${quoted} is not a list of sizes`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw malformed(`the data_offsets of tensor ${quoted} are not two byte offsets`);
  }
  const [start = 0, end = 0] = offsets;
  const expected = shape.reduce((product, size) => product * size, elementBytes);
  if (end - start !== expected) {
    throw malformed(
      `tensor ${quoted} of shape [${shape.join(', ')}] takes ${expected} bytes, but its offsets span ${end - start}`,
    );
  }
  return { name, dtype, shape, start, end };
}

function parseJson(bytes: Uint8Array, malformed: (reason: string) => Error): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('its header is not UTF-8 text');
  }
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    throw malformed('its header is not JSON');
  }
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw malformed(`its header has the key ${JSON.stringify(duplicate)} twice`);
  return json;
}

/** A key that stands twice in one object of a valid JSON text; `JSON.parse` would keep the last and say nothing. */
function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  // Strings are matched whole, so that no bracket inside one is counted; a string before a colon is a key.
  for (const [token, string, colon] of text.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (string !== undefined && colon !== undefined) {
      const key = JSON.parse(string) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
