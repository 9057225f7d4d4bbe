import type { DataTypeName } from './data-types.ts';
import { dataTypeName } from './data-types.ts';
import type { TensorTypeProto } from './schema.ts';

/** One size: a number, a symbol such as `N`, or undefined where nothing is known of it. */
export type Dim = number | string | undefined;
/** Sizes; undefined where not even the rank is known. */
export type Shape = readonly Dim[] | undefined;

/** What is known of a value of a model before it runs. */
export interface ValueType {
  /** Undefined for the result of an operator that is not known here. */
  readonly type: DataTypeName | undefined;
  readonly shape: Shape;
}

export const UNKNOWN: ValueType = { type: undefined, shape: undefined };

/** The type that a graph's input, output or value states. */
export function declaredType(proto: TensorTypeProto | undefined): ValueType {
  if (proto === undefined) return UNKNOWN;
  return {
    type: dataTypeName(proto.elemType),
    shape: proto.shape?.dim.map((d) => (d.dimValue !== undefined ? d.dimValue : d.dimParam || undefined)),
  };
}

const SHORT: Partial<Record<DataTypeName, string>> = { float: 'f32', int32: 'i32', int64: 'i64' };

/** `f32[N,10]`; `?` stands for what is not known. */
export function printType({ type, shape }: ValueType): string {
  const name = type === undefined ? '?' : (SHORT[type] ?? type);
  return `${name}${printShape(shape)}`;
}

export function printShape(shape: Shape): string {
  return shape === undefined ? '[…]' : `[${shape.map((d) => d ?? '?').join(',')}]`;
}

/** Whether two shapes can be one: what is not known fits everything. */
export function shapesAgree(a: Shape, b: Shape): boolean {
  if (a === undefined || b === undefined) return true;
  return a.length === b.length && a.every((d, i) => d === undefined || b[i] === undefined || d === b[i]);
}

/** NumPy's broadcasting of shapes; undefined members where it cannot be told, `null` where they do not fit. */
export function broadcast(shapes: readonly Shape[]): Shape | null {
  let result: Dim[] = [];
  for (const shape of shapes) {
    if (shape === undefined) return undefined;
    const rank = Math.max(result.length, shape.length);
    const next: Dim[] = [];
    for (let i = 0; i < rank; i++) {
      const a = i < rank - result.length ? 1 : result[i - rank + result.length];
      const b = i < rank - shape.length ? 1 : shape[i - rank + shape.length];
      if (a === 1) next.push(b);
      else if (b === 1 || a === b) next.push(a);
      else if (typeof a === 'number' && typeof b === 'number') return null;
      else next.push(typeof a === 'number' ? a : typeof b === 'number' ? b : undefined);
    }
    result = next;
  }
  return result;
}

/** The number of elements, where every size is known. */
export function knownSize(shape: Shape): number | undefined {
  let size = 1;
  for (const dim of shape ?? [undefined]) {
    if (typeof dim !== 'number') return undefined;
    size *= dim;
  }
  return size;
}

/** Whether every size of a shape is known. */
export function isComplete(shape: Shape): boolean {
  return shape !== undefined && !shape.includes(undefined);
}
