import type { DataTypeName } from '../data-types.ts';
import type { NodeProto, TensorProto } from '../schema.ts';
import { type Dim, printShape, type Shape, type ValueType } from '../value-type.ts';

/** A node that breaks its operator's rules; the message completes "node 'n': …". */
export class Mismatch extends Error {}

/** One node with what is known of its inputs. */
export interface Call {
  readonly node: NodeProto;
  readonly opset: number;
  /** Absent optional inputs are undefined. */
  readonly inputs: readonly (ValueType | undefined)[];
  /** Values of an input that is known before the model runs, such as axes. */
  readonly values: (index: number) => Float64Array | undefined;
  readonly tensorAttribute: (name: string) => TensorProto | undefined;
}

type AttributeKind = 'INT' | 'INTS' | 'FLOAT' | 'STRING' | 'TENSOR' | 'FLOATS';

/** What the standard says of one operator, as far as QSpec writes or reads it. */
export interface Operator {
  /** Least and largest number of inputs. */
  readonly inputs: readonly [number, number];
  /** Attributes with their types; `!` marks those that must be there. */
  readonly attributes: Readonly<Record<string, AttributeKind | `${AttributeKind}!`>>;
  /** First opset in which the operator has this form; 13 unless stated. */
  readonly since?: number;
  /** Types of the outputs. @throws Mismatch */
  readonly infer: (call: Call) => readonly ValueType[];
}

export const FLOATS: readonly DataTypeName[] = ['float', 'float16', 'bfloat16', 'double'];

export function input(call: Call, index: number): ValueType {
  const value = call.inputs[index];
  if (!value) throw new Mismatch(`input ${index} is missing`);
  return value;
}

export function requireType(call: Call, index: number, types: readonly DataTypeName[]): void {
  const type = call.inputs[index]?.type;
  if (type !== undefined && !types.includes(type)) {
    throw new Mismatch(`input ${index} is ${type}, must be ${types.join(' or ')}`);
  }
}

/** The common element type of the inputs. */
export function sameType(call: Call, indices: readonly number[]): DataTypeName | undefined {
  let common: DataTypeName | undefined;
  for (const index of indices) {
    const type = call.inputs[index]?.type;
    if (type === undefined) continue;
    if (common !== undefined && type !== common) throw new Mismatch(`inputs are ${common} and ${type}`);
    common = type;
  }
  return common;
}

export function requireRank(call: Call, index: number, rank: number): void {
  const shape = call.inputs[index]?.shape;
  if (shape !== undefined && shape.length !== rank) {
    throw new Mismatch(`input ${index} has shape ${printShape(shape)}, must have ${rank} axes`);
  }
}

export function requireEqual(what: string, a: Dim, b: Dim): void {
  if (typeof a === 'number' && typeof b === 'number' && a !== b)
    throw new Mismatch(`${what} differ: ${a} and ${b}`);
}

export function axisOf(axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || result < 0 || result >= rank)
    throw new Mismatch(`axis ${axis} of ${rank} axes`);
  return result;
}

export const all = (call: Call): number[] => call.inputs.map((_, i) => i);

/** No runtime has tensors of more axes; a wrong model may state any number. */
const MAX_RANK = 64;

/** The shape that an input of shape values states; its rank alone where only the number of values is known. */
export function statedShape(call: Call, index: number): Shape {
  const values = call.values(index);
  if (values !== undefined) return Array.from(values);
  const count = call.inputs[index]?.shape?.[0];
  const isRank = typeof count === 'number' && count >= 0 && count <= MAX_RANK;
  return isRank ? new Array<Dim>(count).fill(undefined) : undefined;
}
