import type { IntElement } from '../../numeric/format.ts';
import { codeRange } from '../../numeric/format.ts';

/** One element type of ONNX tensors. */
export interface DataType {
  /** Value of `TensorProto.DataType`. */
  readonly code: number;
  readonly bits: number;
  /** First opset and IR version whose models may hold it. */
  readonly opset: number;
  readonly irVersion: number;
  /** Limits of an integer type. */
  readonly range?: { readonly min: number; readonly max: number };
}

function integer(code: number, bits: number, signed: boolean, opset = 1, irVersion = 3): DataType {
  return { code, bits, opset, irVersion, range: codeRange({ kind: 'int', bits, signed, narrow: false }) };
}

function float(code: number, bits: number, opset = 1, irVersion = 3): DataType {
  return { code, bits, opset, irVersion };
}

/** The element types that QSpec writes or reads, under the names of the standard in lower case. */
export const DATA_TYPES = {
  float: float(1, 32),
  uint8: integer(2, 8, false),
  int8: integer(3, 8, true),
  uint16: integer(4, 16, false),
  int16: integer(5, 16, true),
  int32: integer(6, 32, true),
  int64: integer(7, 64, true),
  bool: { code: 9, bits: 8, opset: 1, irVersion: 3, range: { min: 0, max: 1 } },
  float16: float(10, 16),
  double: float(11, 64),
  uint32: integer(12, 32, false),
  uint64: integer(13, 64, false),
  bfloat16: float(16, 16, 13, 7),
  float8e4m3fn: float(17, 8, 19, 9),
  float8e5m2: float(19, 8, 19, 9),
  uint4: integer(21, 4, false, 21, 10),
  int4: integer(22, 4, true, 21, 10),
  uint2: integer(25, 2, false, 25, 13),
  int2: integer(26, 2, true, 25, 13),
} as const satisfies Readonly<Record<string, DataType>>;

export type DataTypeName = keyof typeof DATA_TYPES;

const NAMES = new Map<number, DataTypeName>(
  (Object.keys(DATA_TYPES) as DataTypeName[]).map((name) => [DATA_TYPES[name].code, name]),
);

/** The name of a type's code; undefined for types that QSpec does not handle. */
export function dataTypeName(code: number): DataTypeName | undefined {
  return NAMES.get(code);
}

/** Bits of one element. */
export function bitsOf(type: DataTypeName): number {
  return DATA_TYPES[type].bits;
}

/** Limits of an integer type; undefined for float types. */
export function integerRange(type: DataTypeName): NonNullable<DataType['range']> | undefined {
  const found: DataType = DATA_TYPES[type];
  return found.range;
}

/** The smallest ONNX integer type that holds every code of the element; undefined above 32 bits. */
export function storageType(element: IntElement): DataTypeName | undefined {
  const bits = [2, 4, 8, 16, 32].find((b) => element.bits <= b);
  return bits === undefined ? undefined : (`${element.signed ? 'int' : 'uint'}${bits}` as DataTypeName);
}

/** The opset and IR version that a model needs at least for all of the types. */
export function requiredVersions(types: Iterable<DataTypeName>): {
  readonly opset: number;
  readonly irVersion: number;
} {
  let opset = 1;
  let irVersion = 3;
  for (const name of types) {
    opset = Math.max(opset, DATA_TYPES[name].opset);
    irVersion = Math.max(irVersion, DATA_TYPES[name].irVersion);
  }
  return { opset, irVersion };
}
