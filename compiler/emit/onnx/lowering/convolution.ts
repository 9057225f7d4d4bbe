import { type OpNode, sizeOf, type Value } from '../../../ir/graph.ts';
import type { Window } from '../../../ir/op-attributes.ts';
import { geometryOfInputGrad, geometryOfWeightGrad } from '../../../ops/convolution/geometry.ts';
import { flippedPads, onnxFlipped } from '../../../ops/convolution/onnx.ts';
import { shape4 } from '../../../ops/window.ts';
import { blockedConvolution, type Kernel } from './blocked.ts';
import { columnsOf } from './columns.ts';
import type { Lowering, LoweringRule } from './lowering.ts';
import { floatCodes } from './quantization.ts';

/** A convolution with batch innermost: one over the image `[1, C, H, W·N]`, whose columns are N apart. */
export function wide(
  lowering: Lowering,
  image: string,
  inner: readonly number[],
  kernel: Kernel,
  [top = 0, left = 0, bottom = 0, right = 0]: readonly number[],
  bias: readonly string[] = [],
): string {
  const [channels = 1, height = 1, width = 1, n = 1] = inner;
  const whole = lowering.values.reshaped(image, inner, [1, channels, height, width * n]);
  const pads = [top, left * n, bottom, right * n];
  const dilations = [1, n];
  return (
    blockedConvolution(lowering, { image: whole, kernel, bias, pads, dilations }) ??
    lowering.op('Conv', [whole, kernel.name, ...bias], { pads, dilations })
  );
}

function unitStrides({ strides }: Window): boolean {
  return strides[0] === 1 && strides[1] === 1;
}

/** The inner shape `[C, H, W, N]` of an image. */
function imageOf(lowering: Lowering, value: Value): readonly number[] {
  const [n = 1, c = 1, h = 1, w = 1] = lowering.values.shapeOf(value);
  return [c, h, w, n];
}

export const conv2d: LoweringRule<'conv2d'> = (lowering, node, value) => convolved(lowering, node, value, []);

function convolved(
  lowering: Lowering,
  node: OpNode<'conv2d'>,
  value: Value,
  bias: readonly string[],
): boolean {
  const [x, w] = node.operands;
  if (x === undefined || w === undefined) return false;
  const { values } = lowering;
  const { strides, pads } = node.attributes;
  const points = isPointwise(values.shapeOf(w), pads);
  if (!points && !unitStrides(node.attributes)) return false;
  const [channels = 1, height = 1, width = 1, batch = 1] = imageOf(lowering, x);
  const [, rows = 1, columns = 1] = imageOf(lowering, value);
  const image = values.inner(x);
  const read = points && !unitStrides(node.attributes) ? everyNth(lowering, image, strides) : image;
  const size = points ? [channels, rows, columns, batch] : [channels, height, width, batch];
  const kernel = { name: values.plain(w), shape: shape4(values.typeOf(w)) };
  const name = wide(lowering, read, size, kernel, pads, bias);
  values.setInner(value, lowering.reshape(name, imageOf(lowering, value)));
  return true;
}

/** A 1×1 kernel without padding reads single pixels, so that strides can be taken beforehand. */
function isPointwise([, , height, width]: readonly number[], pads: readonly number[]): boolean {
  return height === 1 && width === 1 && pads.every((pad) => pad === 0);
}

/** The pixels of an image `[C, H, W, N]` that are a stride apart. */
function everyNth(lowering: Lowering, image: string, strides: readonly [number, number]): string {
  const largest = 2 ** 31 - 1;
  const bounds = [[0, 0], [largest, largest], [1, 2], strides].map((list) =>
    lowering.constant('int64', list),
  );
  return lowering.op('Slice', [image, ...bounds]);
}

/** `conv(x, w) + b` where nothing else reads the convolution. */
export const addBias: LoweringRule<'add'> = (lowering, node, value) => {
  const { graph, values } = lowering;
  const [a, b] = node.operands;
  if (a === undefined || b === undefined) return false;
  for (const [from, summand] of [
    [a, b],
    [b, a],
  ] as const) {
    const conv = graph.nodes[from];
    const bias = graph.nodes[summand];
    if (conv?.kind !== 'op' || conv.op !== 'conv2d' || lowering.usersOf(from).length !== 1) continue;
    if (bias?.kind !== 'op' || bias.op !== 'reshape' || !values.isInner(from)) continue;
    const [vector] = bias.operands;
    const [, channels = 0] = conv.type.shape;
    if (vector === undefined || !isChannelVector(bias.type.shape, channels)) continue;
    const [size, ...others] = values.shapeOf(vector);
    if (size !== channels || others.length > 0) continue;
    const product = conv as OpNode<'conv2d'>;
    // Integer sums are scaled before the bias is added.
    if (lowering.integer.has(from)) return false;
    return convolved(lowering, product, value, [values.plain(vector)]);
  }
  return false;
};

/** `[C, 1, 1]` or `[1, C, 1, 1]`. */
function isChannelVector(shape: readonly number[], channels: number): boolean {
  return sizeOf(shape) === channels && shape.at(-3) === channels;
}

export const conv2dInputGrad: LoweringRule<'conv2dInputGrad'> = (lowering, node, value) => {
  const [delta, w] = node.operands;
  if (delta === undefined || w === undefined || !unitStrides(node.attributes)) return false;
  const { values } = lowering;
  const geometry = geometryOfInputGrad(values.typeOf(delta), values.typeOf(w), node.attributes);
  const pads = flippedPads(geometry);
  if (pads.some((pad) => pad < 0)) return false;
  const { image, weights } = scaledWeights(lowering, delta, values.plain(w));
  const { filters, channels, kernel } = geometry;
  const flipped = onnxFlipped(lowering, weights, kernel);
  const turned = { name: flipped, shape: [channels, filters, ...kernel] } as const;
  const name = wide(lowering, image, imageOf(lowering, delta), turned, pads);
  values.setInner(value, lowering.reshape(name, imageOf(lowering, value)));
  return true;
};

/** δ as its codes with the weights times its scale: the weights are few. */
export function scaledWeights(lowering: Lowering, delta: Value, w: string) {
  const codes = lowering.values.codes(delta);
  if (codes === undefined || sizeOf(codes.scale.type.shape) !== 1 || !lowering.uses('scaledWeights'))
    return { image: lowering.values.inner(delta), weights: w };
  const weights = lowering.op('Mul', [w, lowering.reshape(codes.scale.name, [1, 1, 1, 1])]);
  return { image: floatCodes(lowering, codes.name), weights };
}

/** Columns of this many bytes stay in the cache between being gathered and multiplied. */
const CHUNK_BYTES = 4 << 20;

/** `[O, PQN]·[PQN, C·kH·kW]` over columns of the input, a few rows of the output at a time. */
export const conv2dWeightGrad: LoweringRule<'conv2dWeightGrad'> = (lowering, node, value) => {
  const [x, delta] = node.operands;
  if (x === undefined || delta === undefined) return false;
  const { values } = lowering;
  const geometry = geometryOfWeightGrad(values.typeOf(x), values.typeOf(delta), node.attributes);
  const { batch, channels, filters, kernel, output } = geometry;
  const [rows, columns] = output;
  const image = values.inner(x);
  const deltas = values.inner(delta);
  const taps = channels * kernel[0] * kernel[1];
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / (4 * taps * columns * batch)));
  const parts: string[] = [];
  for (let from = 0; from < rows; from += perChunk) {
    const to = Math.min(rows, from + perChunk);
    const part = to - from === rows ? deltas : sliceRows(lowering, deltas, from, to);
    const right = lowering.reshape(part, [filters, (to - from) * columns * batch]);
    const left = columnsOf(lowering, image, 'float', geometry, [from, to]);
    parts.push(lowering.op('Gemm', [left, right], { transB: 1 }));
  }
  const [first = ''] = parts;
  const total = parts.length === 1 ? first : lowering.op('Sum', parts);
  const transposed = lowering.op('Transpose', [total], { perm: [1, 0] });
  values.setPlain(value, lowering.reshape(transposed, node.type.shape));
  return true;
};

/** Rows of an image `[O, P, Q, N]`. */
function sliceRows(lowering: Lowering, image: string, from: number, to: number): string {
  return lowering.op('Slice', [image, ...[from, to, 1].map((n) => lowering.constant('int64', [n]))]);
}
