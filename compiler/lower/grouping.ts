import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import type { Format } from '../numeric/format.ts';

/** Axes over which one scale is shared: all of them, or all but the channel axis. */
export function scaleAxes(rank: number, format: Format, channelAxis: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return format.granularity.kind === 'channel' ? axes.filter((axis) => axis !== channelAxis) : axes;
}

/**
 * Runs a quantizer on x in the layout that its granularity asks for. Groups run along axis 1, the reduction axis of a
 * weight `[out, in, …]` and the channel axis of an activation `[batch, channel, …]`: x is padded with zeros to whole groups, split
 * into `[n, groups, size, …]`, quantized with one scale for each group at each position, and put together again.
 *
 * @param body gets the value and the axes over which one scale is shared
 */
export function grouped(
  builder: Builder,
  x: Value,
  format: Format,
  channelAxis: number,
  body: (value: Value, axes: readonly number[]) => Value,
): Value {
  const shape = builder.shapeOf(x);
  if (format.granularity.kind !== 'group' || shape.length < 2) {
    return body(x, scaleAxes(shape.length, format, channelAxis));
  }
  const { size } = format.granularity;
  const [n = 1, length = 1, ...rest] = shape;
  const groups = Math.ceil(length / size);
  const missing = groups * size - length;
  const padded = missing === 0 ? x : builder.op('pad', [x], axis1(shape.length, missing));
  const split = builder.op('reshape', [padded], { shape: [n, groups, size, ...rest] });
  const joined = builder.op('reshape', [body(split, [2])], { shape: [n, groups * size, ...rest] });
  if (missing === 0) return joined;
  return builder.op('slice', [joined], { starts: shape.map(() => 0), ends: shape });
}

function axis1(rank: number, count: number): { before: number[]; after: number[] } {
  const zeros = new Array<number>(rank).fill(0);
  return { before: zeros, after: zeros.map((_, i) => (i === 1 ? count : 0)) };
}
