import { type OpNode, sizeOf, type Value } from '../../../ir/graph.ts';
import { codeRange } from '../../../numeric/format.ts';
import { onnxBytes, onnxMovedQuotients } from '../../../ops/quantization/onnx-quantize.ts';
import { onnxScaleOf } from '../../../ops/quantization/onnx-scale.ts';
import { isNonNegative } from '../rewrites/non-negative.ts';
import { fromInnermost, innermostAxis, toInnermost } from './layout.ts';
import type { Lowering, LoweringRule } from './lowering.ts';
import { routedInner } from './pooling.ts';
import type { Written } from './values.ts';

/** The largest magnitude of what is never negative is its maximum; and a scale that only its own quantizers read may be any one for zeros. */
export const quantScale: LoweringRule<'quantScale'> = (lowering, node, value) => {
  const [x] = node.operands;
  if (x === undefined) return false;
  const { values } = lowering;
  const rank = values.shapeOf(x).length;
  const inner = values.isInner(x);
  const axes = inner ? node.attributes.axes.map((axis) => innermostAxis(axis, rank)) : node.attributes.axes;
  const source = inner ? values.inner(x) : values.plain(x);
  const name = onnxScaleOf(
    lowering,
    source,
    { ...node.attributes, axes },
    {
      size: sizeOf(values.shapeOf(x)),
      nonNegative: lowering.uses('extremeOfPositive') && isNonNegative(lowering.graph, x),
      anyForZeros: lowering.uses('scaleOfZeros') && isOwn(lowering, x, value),
      inTwo: lowering.uses('extremeInTwo') && axes.length === rank && isLarge(values.shapeOf(x)),
    },
  );
  if (inner) values.setInner(value, name);
  else values.setPlain(value, name);
  return true;
};

/** From this many elements on one extreme of all, which one thread takes, costs more than extremes of parts and one of these. */
const LARGE = 1 << 18;

function isLarge(shape: readonly number[]): boolean {
  return shape.length > 1 && sizeOf(shape) >= LARGE;
}

const QUANTIZERS: ReadonlySet<string> = new Set(['quantize', 'quantizeStochastic', 'quantizeMask']);

/** Whether only quantizers of x, or of what is routed from x, read its scale. */
function isOwn(lowering: Lowering, x: Value, scale: Value): boolean {
  const { graph } = lowering;
  const isX = (v: Value | undefined): boolean => {
    if (v === x) return true;
    const node = v === undefined ? undefined : graph.nodes[v];
    return node?.kind === 'op' && node.op === 'maxPoolRoute' && node.operands[1] === x;
  };
  const read = lowering.usersOf(scale).every((u) => QUANTIZERS.has(u.op) && isX(u.operands[0]));
  return read && !graph.outputs.some((o) => o.value === scale);
}

/** What a quantizer reads: x and its scale in the layout of x. */
function operandsOf(lowering: Lowering, value: Value, x: Value, scale: Value) {
  const { values } = lowering;
  const rank = values.shapeOf(x).length;
  const inner = values.isInner(x) || isImage(lowering, value);
  const source: Written = inner ? values.aligned(x, rank) : { name: values.plain(x), type: values.typeOf(x) };
  const step: Written = inner
    ? values.aligned(scale, rank)
    : { name: values.plain(scale), type: values.typeOf(scale) };
  return { inner, rank, source, step };
}

/** Keeps the codes of a quantizer as bytes where a product of integers will read them; see `integer-products.ts`. */
export const quantize: LoweringRule<'quantize'> = (lowering, node, value) => {
  const [x, scale] = node.operands;
  const { element } = node.attributes;
  if (x === undefined || scale === undefined || element.kind !== 'int' || !readByProduct(lowering, value))
    return false;
  const { inner, rank, source, step } = operandsOf(lowering, value, x, scale);
  const bytes = (shifted: boolean) =>
    onnxBytes(lowering, source.name, { name: step.name, shape: step.type.shape }, rank, element, shifted);
  return keepCodes(lowering, node, value, inner, step, bytes);
};

export const quantizeStochastic: LoweringRule<'quantizeStochastic'> = (lowering, node, value) => {
  const [x, scale, noise] = node.operands;
  const { element } = node.attributes;
  if (x === undefined || scale === undefined || noise === undefined || element.kind !== 'int') return false;
  if (element.bits > 8 || sizeOf(lowering.values.shapeOf(scale)) !== 1 || !readByProduct(lowering, value))
    return false;
  const { inner, rank, source, step } = operandsOf(lowering, value, x, scale);
  const quotients =
    (inner ? routedQuotients(lowering, x, scale) : undefined) ?? lowering.op('Div', [source.name, step.name]);
  const moved = onnxMovedQuotients(lowering, quotients, noiseOf(lowering, noise, inner, rank));
  const one = { name: lowering.constant('float', 1), shape: [] };
  const bytes = (shifted: boolean) => onnxBytes(lowering, moved, one, rank, element, shifted);
  return keepCodes(lowering, node, value, inner, step, bytes);
};

/** Dividing what is routed to a few elements is less than dividing all, and the same: zeros stay zeros. */
function routedQuotients(lowering: Lowering, x: Value, scale: Value): string | undefined {
  const route = lowering.graph.nodes[x];
  if (route?.kind !== 'op' || route.op !== 'maxPoolRoute' || !lowering.uses('quotientFirst'))
    return undefined;
  const { values } = lowering;
  const divide = (delta: string) =>
    lowering.op('Div', [delta, lowering.reshape(values.plain(scale), [1, 1])]);
  return routedInner(lowering, route as OpNode<'maxPoolRoute'>, divide);
}

/** The noise in the layout of what it is added to; centered where the rewrite is on. */
function noiseOf(lowering: Lowering, noise: Value, inner: boolean, rank: number) {
  const { values } = lowering;
  const drawn = drawnNoise(lowering, noise, rank);
  if (drawn === undefined || !lowering.uses('centeredNoise')) {
    return { name: inner ? values.aligned(noise, rank).name : values.plain(noise), centered: false };
  }
  const { stream, shape, isInner } = drawn;
  const name = lowering.centeredNoise(stream, shape);
  if (isInner === inner) return { name, centered: true };
  const perm = inner ? toInnermost(rank) : fromInnermost(rank);
  const moved = lowering.once(`moved ${name}`, () => lowering.op('Transpose', [name], { perm }));
  return { name: moved, centered: true };
}

/** The stream that a value is, as it is drawn: in the order of the value, or with the batch innermost. */
function drawnNoise({ graph }: Lowering, noise: Value, rank: number) {
  const node = graph.nodes[noise];
  if (node?.kind !== 'op') return undefined;
  if (node.op === 'uniform') return { ...node.attributes, isInner: false };
  const from = graph.nodes[node.operands[0] ?? -1];
  if (node.op !== 'transpose' || from?.kind !== 'op' || from.op !== 'uniform') return undefined;
  const isInner = `${node.attributes.permutation}` === `${fromInnermost(rank)}`;
  return isInner ? { ...from.attributes, isInner } : undefined;
}

/** @param bytes the codes, or those shifted to the other kind of bytes; undefined where they are no bytes */
function keepCodes(
  lowering: Lowering,
  node: OpNode<'quantize' | 'quantizeStochastic'>,
  value: Value,
  inner: boolean,
  scale: Written,
  bytes: (shifted: boolean) => string | undefined,
): boolean {
  const { element } = node.attributes;
  const name = bytes(false);
  if (element.kind !== 'int' || name === undefined) return false;
  const stem = node.origin.name ?? node.op;
  const codes = {
    name,
    type: element.signed ? ('int8' as const) : ('uint8' as const),
    element,
    scale,
    shifted: () => lowering.once(`shifted ${name}`, () => lowering.at(stem, () => bytes(true) ?? name)),
  };
  lowering.values.setCodes(value, codes, inner, () =>
    lowering.at(stem, () => lowering.op('Mul', [floatCodes(lowering, name), scale.name])),
  );
  return true;
}

/** Codes as f32, made once. */
export function floatCodes(lowering: Lowering, codes: string): string {
  return lowering.once(`float ${codes}`, () => lowering.op('Cast', [codes], { to: { type: 'float' } }));
}

/** The largest magnitude of a code. */
export function largestCode(element: Parameters<typeof codeRange>[0]): number {
  const { min, max } = codeRange(element);
  return Math.max(-min, max);
}

const PRODUCTS: ReadonlySet<string> = new Set(['conv2d', 'conv2dInputGrad', 'conv2dWeightGrad']);

/** Whether a convolution reads the value as an image, which lies innermost. */
function isImage(lowering: Lowering, value: Value): boolean {
  return lowering
    .usersOf(value)
    .some((u) => PRODUCTS.has(u.op) && (u.operands[0] === value || u.op === 'conv2dWeightGrad'));
}

function readByProduct(lowering: Lowering, value: Value): boolean {
  return lowering.uses('integerProducts') && lowering.usersOf(value).some((user) => PRODUCTS.has(user.op));
}
