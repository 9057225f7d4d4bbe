import { sizeOf } from '../../ir/graph.ts';
import { bitsOf, DATA_TYPES, type DataTypeName, dataTypeName, integerRange } from './data-types.ts';
import type { TensorProto } from './schema.ts';

/** A tensor of a model; values are rounded to the type as JavaScript's typed arrays round (integers must fit). */
export function makeTensor(
  name: string,
  type: DataTypeName,
  dims: readonly number[],
  values: ArrayLike<number>,
): TensorProto {
  if (values.length !== sizeOf(dims))
    throw new Error(`${values.length} values do not fill [${dims}] of '${name}'`);
  return { name, dims, dataType: DATA_TYPES[type].code, rawData: pack(type, values) };
}

/** Bytes that `count` elements occupy. */
export function packedSize(type: DataTypeName, count: number): number {
  return Math.ceil((count * bitsOf(type)) / 8);
}

/** Little-endian bytes; elements of 4 and 2 bits lie two and four to a byte, the first in the lowest bits. */
export function pack(type: DataTypeName, values: ArrayLike<number>): Uint8Array {
  const bits = bitsOf(type);
  const range = integerRange(type);
  const bytes = new Uint8Array(packedSize(type, values.length));
  const view = new DataView(bytes.buffer);
  const write = WRITERS[type];
  if (bits >= 8 && !write) throw new Error(`tensors of ${type} are not written`);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (range !== undefined && !(Number.isInteger(value) && value >= range.min && value <= range.max)) {
      throw new Error(`${value} is no ${type}`);
    }
    if (bits < 8) {
      const bit = i * bits;
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | ((value & (2 ** bits - 1)) << (bit & 7));
    } else write?.(view, (i * bits) / 8, value);
  }
  return bytes;
}

type Writer = (view: DataView, offset: number, value: number) => void;

const WRITERS: Partial<Record<DataTypeName, Writer>> = {
  float: (v, o, x) => v.setFloat32(o, x, true),
  double: (v, o, x) => v.setFloat64(o, x, true),
  uint8: (v, o, x) => v.setUint8(o, x),
  int8: (v, o, x) => v.setInt8(o, x),
  bool: (v, o, x) => v.setUint8(o, x),
  uint16: (v, o, x) => v.setUint16(o, x, true),
  int16: (v, o, x) => v.setInt16(o, x, true),
  uint32: (v, o, x) => v.setUint32(o, x, true),
  int32: (v, o, x) => v.setInt32(o, x, true),
  int64: (v, o, x) => v.setBigInt64(o, BigInt(x), true),
  uint64: (v, o, x) => v.setBigUint64(o, BigInt(x), true),
};

type Reader = (view: DataView, offset: number) => number;

const READERS: Partial<Record<DataTypeName, Reader>> = {
  float: (v, o) => v.getFloat32(o, true),
  double: (v, o) => v.getFloat64(o, true),
  uint8: (v, o) => v.getUint8(o),
  int8: (v, o) => v.getInt8(o),
  bool: (v, o) => v.getUint8(o),
  uint16: (v, o) => v.getUint16(o, true),
  int16: (v, o) => v.getInt16(o, true),
  uint32: (v, o) => v.getUint32(o, true),
  int32: (v, o) => v.getInt32(o, true),
  int64: (v, o) => Number(v.getBigInt64(o, true)),
  uint64: (v, o) => Number(v.getBigUint64(o, true)),
  float16: (v, o) => smallFloat(v.getUint16(o, true), 5, 10),
  bfloat16: (v, o) => smallFloat(v.getUint16(o, true), 8, 7),
};

/** The value of an IEEE-like bit pattern. */
function smallFloat(pattern: number, exponentBits: number, mantissaBits: number): number {
  const sign = pattern >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponent = (pattern >> mantissaBits) & (2 ** exponentBits - 1);
  const fraction = (pattern & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** Unpacks `count` elements of raw data; undefined for a type whose values QSpec does not read. */
function unpack(type: DataTypeName, bytes: Uint8Array, count: number): Float64Array | undefined {
  const bits = bitsOf(type);
  const range = integerRange(type);
  const values = new Float64Array(count);
  if (bits < 8) {
    for (let i = 0; i < count; i++) {
      const bit = i * bits;
      const code = ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & (2 ** bits - 1);
      values[i] = range !== undefined && code > range.max ? code - 2 ** bits : code;
    }
    return values;
  }
  const read = READERS[type];
  if (!read) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) values[i] = read(view, (i * bits) / 8);
  return values;
}

/** What is wrong with a tensor's type, sizes or data; undefined where nothing is. */
export function tensorProblem(tensor: TensorProto): string | undefined {
  const name = tensor.name === '' ? 'a tensor' : `tensor '${tensor.name}'`;
  const type = dataTypeName(tensor.dataType);
  if (type === undefined) return `${name} has element type ${tensor.dataType}, which is not supported`;
  if (tensor.dataLocation === 1 || (tensor.externalData?.length ?? 0) > 0)
    return `${name} keeps its data in another file`;
  if (!tensor.dims.every((d) => Number.isSafeInteger(d) && d >= 0))
    return `${name} has the shape [${tensor.dims}]`;
  const count = sizeOf(tensor.dims);
  if (!Number.isSafeInteger(count)) return `${name} has the shape [${tensor.dims}]`;
  const typed = typedData(tensor, type);
  const raw = tensor.rawData;
  const held = raw !== undefined && raw.length > 0 ? raw.length : typed.length;
  const needed = raw !== undefined && raw.length > 0 ? packedSize(type, count) : typedCount(type, count);
  if (held !== needed) {
    const unit = raw !== undefined && raw.length > 0 ? 'bytes' : 'numbers';
    return `${name} holds ${held} ${unit} of data, its shape [${tensor.dims}] of ${type} needs ${needed}`;
  }
  return undefined;
}

/** Row-major values; undefined where {@link tensorProblem} finds fault or the type's values are not read. */
export function tensorValues(tensor: TensorProto): Float64Array | undefined {
  const type = dataTypeName(tensor.dataType);
  if (type === undefined || tensorProblem(tensor) !== undefined) return undefined;
  const count = sizeOf(tensor.dims);
  if (tensor.rawData !== undefined && tensor.rawData.length > 0) return unpack(type, tensor.rawData, count);
  const data = typedData(tensor, type);
  if (type === 'float16') return Float64Array.from(data, (p) => smallFloat(p, 5, 10));
  if (type === 'bfloat16') return Float64Array.from(data, (p) => smallFloat(p, 8, 7));
  return bitsOf(type) < 8 ? unpack(type, Uint8Array.from(data), count) : Float64Array.from(data);
}

/** The list that holds a type where `rawData` does not. */
function typedData(tensor: TensorProto, type: DataTypeName): readonly number[] {
  if (type === 'float') return tensor.floatData ?? [];
  if (type === 'double') return tensor.doubleData ?? [];
  if (type === 'int64') return tensor.int64Data ?? [];
  if (type === 'uint32' || type === 'uint64') return tensor.uint64Data ?? [];
  return tensor.int32Data ?? [];
}

/** Typed lists hold one number an element, but one byte of several elements below 8 bits. */
function typedCount(type: DataTypeName, count: number): number {
  return bitsOf(type) < 8 ? packedSize(type, count) : count;
}
