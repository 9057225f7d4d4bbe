import { fieldsOf, floats, integers, messages, text, WireError } from './wire.ts';

/** An initializer: whole numbers for integer types, float32 values for `float`. */
export interface StoredTensor {
  readonly type: 'float' | 'integer';
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /** Limits of the stored type, for zero points that name the type of a quantizer. */
  readonly limits: readonly [number, number];
}

export interface FileNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, FileAttribute>;
}

export interface FileAttribute {
  readonly int: number;
  readonly float: number;
  readonly ints: readonly number[];
  readonly text: string;
}

export interface FileGraph {
  readonly nodes: readonly FileNode[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /** Inputs that are not initializers. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Reads the graph of an ONNX file by the field numbers of onnx.proto. @throws WireError where the file is no such model */
export function readOnnxFile(bytes: Uint8Array): FileGraph {
  const [graph] = messages(fieldsOf(bytes), 7);
  if (!graph) throw new WireError('the model has no graph');
  const fields = fieldsOf(graph);
  const initializers = new Map(messages(fields, 5).map(tensorEntry));
  const names = (number: number) => messages(fields, number).map((value) => text(fieldsOf(value), 1));
  return {
    nodes: messages(fields, 1).map(nodeOf),
    initializers,
    inputs: names(11).filter((name) => !initializers.has(name)),
    outputs: names(12),
  };
}

function nodeOf(bytes: Uint8Array): FileNode {
  const fields = fieldsOf(bytes);
  const strings = (number: number) =>
    messages(fields, number).map((value) => new TextDecoder().decode(value));
  return {
    inputs: strings(1),
    outputs: strings(2),
    name: text(fields, 3),
    op: text(fields, 4),
    attributes: new Map(
      messages(fields, 5).map((attribute) => {
        const parts = fieldsOf(attribute);
        return [
          text(parts, 1),
          {
            float: floats(parts, 2)[0] ?? 0,
            int: integers(parts, 3)[0] ?? 0,
            text: text(parts, 4),
            ints: integers(parts, 8),
          },
        ] as const;
      }),
    ),
  };
}

/** TensorProto.DataType → how many bits an element takes and whether it is signed. */
export const INTEGER_TYPES: ReadonlyMap<number, readonly [bits: number, signed: boolean]> = new Map([
  [2, [8, false]],
  [3, [8, true]],
  [4, [16, false]],
  [5, [16, true]],
  [6, [32, true]],
  [7, [64, true]],
  [21, [4, false]],
  [22, [4, true]],
  [25, [2, false]],
  [26, [2, true]],
]);

function tensorEntry(bytes: Uint8Array): readonly [string, StoredTensor] {
  const fields = fieldsOf(bytes);
  const shape = integers(fields, 1);
  const size = shape.reduce((a, b) => a * b, 1);
  const [type = 0] = integers(fields, 2);
  const [raw] = messages(fields, 9);
  const name = text(fields, 8);
  const integer = INTEGER_TYPES.get(type);
  if (!integer && type !== 1)
    throw new WireError(`initializer '${name}' has element type ${type}, which is not verified`);
  const data = integer
    ? raw
      ? rawIntegers(raw, size, ...integer)
      : Float64Array.from(integers(fields, type === 7 ? 7 : 5))
    : raw
      ? rawFloats(raw)
      : Float64Array.from(floats(fields, 4));
  if (data.length !== size)
    throw new WireError(`initializer '${name}' has ${data.length} of ${size} elements`);
  const [bits, signed] = integer ?? [32, true];
  const limits = signed
    ? ([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] as const)
    : ([0, 2 ** bits - 1] as const);
  return [name, { type: integer ? 'integer' : 'float', shape, data, limits }];
}

function rawFloats(raw: Uint8Array): Float64Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Float64Array.from({ length: raw.length >> 2 }, (_, i) => view.getFloat32(4 * i, true));
}

/** Little-endian integers; elements of less than a byte are packed from the low bits up. */
function rawIntegers(raw: Uint8Array, size: number, bits: number, signed: boolean): Float64Array {
  if (raw.length !== Math.ceil((size * bits) / 8))
    throw new WireError('an initializer has the wrong number of bytes');
  const data = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let value = 0n;
    if (bits < 8) {
      value = BigInt(((raw[(i * bits) >> 3] ?? 0) >> ((i * bits) & 7)) & (2 ** bits - 1));
    } else {
      for (let byte = 0; byte < bits / 8; byte++)
        value |= BigInt(raw[(i * bits) / 8 + byte] ?? 0) << BigInt(8 * byte);
    }
    data[i] = Number(signed ? BigInt.asIntN(bits, value) : value);
  }
  return data;
}
