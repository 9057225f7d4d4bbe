import type { OpNode, Value } from '../../../ir/graph.ts';
import type { PoolWindow } from '../../../ir/op-attributes.ts';
import type { Lowering, LoweringRule } from './lowering.ts';
import { reaches } from './masks.ts';

/** Windows that tile the image: as wide as they are apart, with nothing left over. */
interface Tiling {
  readonly channels: number;
  readonly kernel: readonly [number, number];
  /** Windows along height and width. */
  readonly rows: number;
  readonly columns: number;
  readonly batch: number;
}

function tilingOf(
  lowering: Lowering,
  image: Value,
  { kernel, strides, pads }: PoolWindow,
): Tiling | undefined {
  const [batch = 1, channels = 1, height = 1, width = 1] = lowering.values.shapeOf(image);
  const tiles = kernel[0] === strides[0] && kernel[1] === strides[1] && pads.every((pad) => pad === 0);
  if (!tiles || height % kernel[0] !== 0 || width % kernel[1] !== 0) return undefined;
  return { channels, kernel, rows: height / kernel[0], columns: width / kernel[1], batch };
}

/** The maximum of each row of each window, `[C·H·Q, kW, N]` → `[C·H·Q, N]`: runs of N. */
function rowMaximum(
  lowering: Lowering,
  x: string,
  { channels, kernel, rows, columns, batch }: Tiling,
): string {
  return lowering.once(`maximum in width ${kernel} ${x}`, () => {
    const split = lowering.reshape(x, [channels * rows * kernel[0] * columns, kernel[1], batch]);
    return maximum(lowering, split);
  });
}

/** The maximum of each window from that of its rows, `[C·P, kH, Q·N]` → `[C·P, Q·N]`. */
function windowMaximum(
  lowering: Lowering,
  inRows: string,
  { channels, kernel, rows, columns, batch }: Tiling,
): string {
  return lowering.once(`maximum in height ${kernel} ${inRows}`, () => {
    const split = lowering.reshape(inRows, [channels * rows, kernel[0], columns * batch]);
    return maximum(lowering, split);
  });
}

function maximum(lowering: Lowering, split: string): string {
  return lowering.op('ReduceMax', [split, lowering.constant('int64', [1])], { keepdims: 0 });
}

export const maxPool: LoweringRule<'maxPool'> = (lowering, node, value) => {
  const [x] = node.operands;
  if (x === undefined || !lowering.values.isInner(x) || !lowering.uses('poolInnermost')) return false;
  const tiling = tilingOf(lowering, x, node.attributes);
  if (tiling === undefined) return false;
  const monotone = lowering.values.monotone(x);
  const inRows = rowMaximum(lowering, monotone?.base ?? lowering.values.inner(x), tiling);
  const { channels, rows, columns, batch } = tiling;
  const pooled = lowering.reshape(windowMaximum(lowering, inRows, tiling), [channels, rows, columns, batch]);
  lowering.values.setInner(value, monotone?.of(pooled) ?? pooled);
  return true;
};

/**
 * Routes δ down the two steps of the maximum, first to a row of the window, then to an element of the row. In each, the first element
 * that equals the maximum takes δ and leaves 0 to the others, so that in row-major order the first winner has it.
 */
export const maxPoolRoute: LoweringRule<'maxPoolRoute'> = (lowering, node, value) => {
  const routedDelta = routedInner(lowering, node, (delta) => delta);
  if (routedDelta === undefined) return false;
  lowering.values.setInner(value, routedDelta);
  return true;
};

/** The route of what `change` makes of δ `[C·P, Q·N]`, which must keep zeros; undefined where windows do not tile an image that lies innermost. */
export function routedInner(
  lowering: Lowering,
  node: OpNode<'maxPoolRoute'>,
  change: (delta: string) => string,
): string | undefined {
  const [x, delta] = node.operands;
  if (x === undefined || delta === undefined || !lowering.uses('poolInnermost')) return undefined;
  if (!lowering.values.isInner(x)) return undefined;
  const tiling = tilingOf(lowering, x, node.attributes);
  if (tiling === undefined) return undefined;
  const { channels, kernel, rows, columns, batch } = tiling;
  const image = lowering.values.monotone(x)?.base ?? lowering.values.inner(x);
  const inRows = rowMaximum(lowering, image, tiling);
  const inWindows = windowMaximum(lowering, inRows, tiling);
  const flat = change(lowering.reshape(lowering.values.inner(delta), [channels * rows, columns * batch]));
  const byRow = routed(lowering, inRows, inWindows, flat, [channels * rows, kernel[0], columns * batch]);
  const lines = channels * rows * kernel[0] * columns;
  const maxima = lowering.reshape(inRows, [lines, batch]);
  const byElement = routed(lowering, image, maxima, lowering.reshape(byRow, [lines, batch]), [
    lines,
    kernel[1],
    batch,
  ]);
  return lowering.reshape(byElement, [channels, rows * kernel[0], columns * kernel[1], batch]);
}

/** δ `[A, B]` to the first of the elements `[A, k, B]` that equals the maximum `[A, B]`. */
function routed(
  lowering: Lowering,
  elements: string,
  maxima: string,
  delta: string,
  [outer, size, inner]: readonly [number, number, number],
): string {
  const split = lowering.reshape(elements, [outer, size, inner]);
  let left = delta;
  const parts: string[] = [];
  for (let k = 0; k < size - 1; k++) {
    // A gather is done by all threads, a slice by one.
    const element = lowering.op('Gather', [split, lowering.constant('int64', k)], { axis: 1 });
    const taken = lowering.op('Mul', [left, reaches(lowering, element, maxima)]);
    left = lowering.op('Sub', [left, taken]);
    parts.push(taken);
  }
  return lowering.op('Concat', [...parts, left], { axis: 1 });
}

/** A window over the whole image sums over its axes. */
export const sumPool: LoweringRule<'sumPool'> = (lowering, node, value) => {
  const [x] = node.operands;
  if (x === undefined || !lowering.values.isInner(x)) return false;
  const [, , height, width] = lowering.values.shapeOf(x);
  const { kernel, pads } = node.attributes;
  if (kernel[0] !== height || kernel[1] !== width || pads.some((pad) => pad !== 0)) return false;
  const summed = lowering.op('ReduceSum', [lowering.values.inner(x), lowering.constant('int64', [1, 2])], {
    keepdims: 1,
  });
  lowering.values.setInner(value, summed);
  return true;
};
