import { intAttribute } from '../attributes.ts';
import { type DataTypeName, dataTypeName } from '../data-types.ts';
import { printShape, type ValueType } from '../value-type.ts';
import {
  axisOf,
  type Call,
  FLOATS,
  input,
  Mismatch,
  type Operator,
  requireEqual,
  requireType,
  sameType,
} from './call.ts';

/** Checks scale and zero point of QuantizeLinear and DequantizeLinear against the quantized tensor. */
function checkScale(call: Call): void {
  const shape = call.inputs[0]?.shape;
  const scale = call.inputs[1]?.shape;
  const zeroPoint = call.inputs[2]?.shape;
  requireType(call, 1, FLOATS);
  if (
    zeroPoint !== undefined &&
    scale !== undefined &&
    !(zeroPoint.length === scale.length && zeroPoint.every((d, i) => d === scale[i]))
  ) {
    throw new Mismatch(`scale ${printShape(scale)} and zero point ${printShape(zeroPoint)} differ in shape`);
  }
  if (shape === undefined || scale === undefined || scale.length === 0) return;
  if (scale.length === 1) {
    if (scale[0] === 1) return;
    const axis = axisOf(intAttribute(call.node, 'axis', 1), shape.length);
    requireEqual(`the number of scales and the size of axis ${axis}`, scale[0], shape[axis]);
  } else if (intAttribute(call.node, 'block_size', 0) === 0) {
    throw new Mismatch(`a scale of shape ${printShape(scale)} without block_size`);
  }
}

/** Types that quantization operators convert to and from, with the opset since which they do. */
const TYPES = {
  int8: 10,
  uint8: 10,
  float8e4m3fn: 19,
  float8e5m2: 19,
  int4: 21,
  uint4: 21,
  int16: 21,
  uint16: 21,
  int2: 25,
  uint2: 25,
} as const satisfies Partial<Record<DataTypeName, number>>;
const QUANTIZED_TYPES = Object.keys(TYPES) as (keyof typeof TYPES)[];

function requireQuantized(call: Call, type: DataTypeName | undefined): void {
  const quantized = QUANTIZED_TYPES.find((name) => name === type);
  if (quantized !== undefined && TYPES[quantized] > call.opset) {
    throw new Mismatch(`${quantized} needs opset ${TYPES[quantized]}, the model imports ${call.opset}`);
  }
}

function quantizeLinear(call: Call): ValueType[] {
  requireType(call, 0, [...FLOATS, 'int32']);
  requireType(call, 2, QUANTIZED_TYPES);
  checkScale(call);
  const stated = dataTypeName(intAttribute(call.node, 'output_dtype', 0));
  const type = call.inputs[2]?.type ?? stated ?? 'uint8';
  requireQuantized(call, type);
  return [{ type, shape: call.inputs[0]?.shape }];
}

function dequantizeLinear(call: Call): ValueType[] {
  requireType(call, 0, [...QUANTIZED_TYPES, 'int32']);
  requireQuantized(call, call.inputs[0]?.type);
  if (call.inputs[2] !== undefined) sameType(call, [0, 2]);
  checkScale(call);
  return [{ type: call.inputs[1]?.type, shape: call.inputs[0]?.shape }];
}

const QUANTIZE_ATTRIBUTES = {
  axis: 'INT',
  block_size: 'INT',
  output_dtype: 'INT',
  precision: 'INT',
  saturate: 'INT',
} as const;

/** Conversions between real numbers and codes. */
export const QUANTIZED: Readonly<Record<string, Operator>> = {
  QuantizeLinear: { inputs: [2, 3], attributes: QUANTIZE_ATTRIBUTES, since: 10, infer: quantizeLinear },
  DequantizeLinear: { inputs: [2, 3], attributes: QUANTIZE_ATTRIBUTES, since: 10, infer: dequantizeLinear },
  DynamicQuantizeLinear: {
    inputs: [1, 1],
    attributes: {},
    infer: (call) => [
      { type: 'uint8', shape: input(call, 0).shape },
      { type: 'float', shape: [] },
      { type: 'uint8', shape: [] },
    ],
  },
};
