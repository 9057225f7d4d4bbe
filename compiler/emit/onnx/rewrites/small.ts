import type { Builder } from '../../../ir/builder.ts';
import { sameShape, sizeOf, type Value } from '../../../ir/graph.ts';
import { opOf } from './rebuild.ts';

/** Whether a value is stretched to the shape of a larger one: a scalar, or one number for each channel. */
export function isSmall(builder: Builder, value: Value, shape: readonly number[]): boolean {
  return sizeOf(builder.shapeOf(value)) < sizeOf(shape);
}

export function isWhole(builder: Builder, value: Value, shape: readonly number[]): boolean {
  return sameShape(builder.shapeOf(value), shape);
}

/** A product of a whole tensor and a small one. */
export function scaledBySmall(
  builder: Builder,
  value: Value,
  shape: readonly number[],
): { readonly whole: Value; readonly small: Value } | undefined {
  const [a, b] = opOf(builder, value, 'mul')?.operands ?? [];
  if (a === undefined || b === undefined) return undefined;
  if (isWhole(builder, a, shape) && isSmall(builder, b, shape)) return { whole: a, small: b };
  return isWhole(builder, b, shape) && isSmall(builder, a, shape) ? { whole: b, small: a } : undefined;
}
