import { type OpNode, sizeOf, type Value } from '../../../ir/graph.ts';
import {
  type Geometry,
  geometryOfForward,
  geometryOfInputGrad,
  geometryOfWeightGrad,
} from '../../../ops/convolution/geometry.ts';
import { flippedPads, onnxFlipped } from '../../../ops/convolution/onnx.ts';
import { eitherWay } from '../rewrites/rebuild.ts';
import { columnsOf, rowsOf } from './columns.ts';
import type { IntegerSums, Lowering, LoweringRule } from './lowering.ts';
import { largestCode } from './quantization.ts';
import { transposedBytes } from './transposition.ts';
import type { Codes } from './values.ts';

/*
 * Products of codes in integers. `Σ (s·c)(t·d) = s·t·Σ c·d`: the sum of products of codes is exact in 32 bits, and what is rounded is its
 * conversion to f32 and the product with both scales, three times 2⁻²⁴ at most, where a sum of f32 products rounds once a term.
 *
 * Onnxruntime multiplies unsigned bytes by either kind fast, but signed ones by neither: the left operand is always unsigned,
 * where need be by a zero point of 128.
 */

/** Exact sums of this many products of two codes fit into 32 bits. */
function longestSum(a: Codes, b: Codes): number {
  return Math.floor((2 ** 31 - 1) / (largestCode(a.element) * largestCode(b.element)));
}

/** Below this many terms a product of windows is bound by memory, and f32 is as fast. */
const LEAST_TERMS = 64;

/** From this many weights on the product outweighs a second gathering of columns. */
const SIGNED_COLUMNS = 4000;

/** `s·t·(W·columns)`: weights with a zero point by columns of bytes, then the scales of the channels. */
export const integerConv2d: LoweringRule<'conv2d'> = (lowering, node, value) => {
  const product = integerForward(lowering, node);
  if (product === undefined) return false;
  lowering.values.setInner(value, product.scaled);
  lowering.inIntegers.add(value);
  lowering.integer.set(value, product);
  return true;
};

/**
 * `s·t·sums + b` of which only maxima are read: it never falls in the sums, so that windows have their maxima where the sums have them, and
 * scale and bias are for what is left. Sums that differ stay apart, where rounded values might tie.
 */
export const pooledSums: LoweringRule<'add'> = (lowering, node, value) => {
  if (!lowering.uses('poolSums') || node.type.shape.length !== 4 || !onlyPooled(lowering, value))
    return false;
  for (const [product, bias] of eitherWay(node.operands)) {
    const sums = lowering.integer.get(product);
    if (sums === undefined || sizeOf(lowering.values.shapeOf(bias)) !== node.type.shape[1]) continue;
    const { name } = lowering.values.aligned(bias, 4);
    const stem = node.origin.name ?? node.op;
    lowering.values.setMonotone(value, {
      base: sums.sums,
      of: (base) =>
        lowering.at(stem, () => lowering.op('Add', [lowering.op('Mul', [base, sums.factors]), name])),
    });
    return true;
  }
  return false;
};

function onlyPooled(lowering: Lowering, value: Value): boolean {
  const users = lowering.usersOf(value);
  const pools = users.every(
    (u) => u.op === 'maxPool' || (u.op === 'maxPoolRoute' && u.operands[1] !== value),
  );
  return users.length > 0 && pools && !lowering.graph.outputs.some((o) => o.value === value);
}

/** An image that lies innermost and weights that do not, where both have codes. */
function imageAndWeights({ values }: Lowering, [x, w]: readonly Value[]) {
  if (x === undefined || w === undefined || !values.isInner(x) || values.isInner(w)) return undefined;
  const [image, weights] = [values.codes(x), values.codes(w)];
  return image && weights && { x, w, image, weights };
}

function integerForward(
  lowering: Lowering,
  node: OpNode<'conv2d'>,
): (IntegerSums & { readonly scaled: string }) | undefined {
  const operands = lowering.uses('integerForward') ? imageAndWeights(lowering, node.operands) : undefined;
  if (operands === undefined) return undefined;
  const { x, w, image, weights } = operands;
  const { values } = lowering;
  const geometry = geometryOfForward(values.typeOf(x), values.typeOf(w), node.attributes);
  const { batch, channels, filters, kernel, output } = geometry;
  const terms = channels * kernel[0] * kernel[1];
  if (
    terms < LEAST_TERMS ||
    terms > longestSum(image, weights) ||
    !isOne(image) ||
    !perFilter(weights, filters)
  )
    return undefined;
  // Signed columns of their own take half the time in the product of unsigned ones that the gradient shares, but must be gathered.
  const apart = image.type === 'uint8' && filters * terms >= SIGNED_COLUMNS;
  const ones = !apart && gradientSums(lowering, x, node, image);
  const columns = apart
    ? rowsOf(lowering, image.shifted(), 'int8', -128, geometry, false)
    : rowsOf(lowering, image.name, image.type, 0, geometry, ones);
  const right = columns.columns([0, output[0]]);
  const shifted = lowering.reshape(weights.shifted(), [filters, terms]);
  // The row of ones is for the gradient, which reads the same columns; here its weights are zero.
  const left = ones
    ? lowering.op(
        'Concat',
        [shifted, lowering.constant('uint8', new Array<number>(filters).fill(128), [filters, 1])],
        { axis: 1 },
      )
    : shifted;
  const sums = lowering.op('MatMulInteger', [
    left,
    right,
    lowering.constant('uint8', 128),
    ...(apart ? [lowering.constant('int8', -128)] : []),
  ]);
  const scale = scaleOfProduct(lowering, weights, image);
  const size = [filters, output[0], output[1], batch];
  return {
    sums: lowering.reshape(lowering.op('Cast', [sums], { to: { type: 'float' } }), size),
    factors: lowering.reshape(scale.name, [scale.size, 1, 1, 1]),
    scaled: lowering.reshape(scaledSums(lowering, sums, scale), size),
  };
}

/** Scales of products of codes: as many as the first operand has, of which the second has one. */
interface Scale {
  readonly name: string;
  readonly size: number;
}

function scaleOfProduct(lowering: Lowering, a: Codes, b: Codes): Scale {
  const size = sizeOf(a.scale.type.shape);
  const factors = [
    lowering.reshape(a.scale.name, size === 1 ? [] : [size]),
    lowering.reshape(b.scale.name, []),
  ];
  return { name: lowering.op('Mul', factors), size };
}

/**
 * `scale·sums` in one pass where conversion and product take two: of int32 `[O, K]` and `[O]` scales, or one. Onnxruntime fuses other operators
 * into a DequantizeLinear of bytes at a constant scale; this one is of neither.
 */
function scaledSums(lowering: Lowering, sums: string, { name, size }: Scale): string {
  return lowering.op('DequantizeLinear', [sums, name], size === 1 ? {} : { axis: 0 });
}

/**
 * `s·t·(Wᵀ·columns)`: the weights turned around, with a zero point, by columns of δ as signed bytes. It sums over the filters, which must have one
 * scale between them.
 */
export const integerInputGrad: LoweringRule<'conv2dInputGrad'> = (lowering, node, value) => {
  const operands = lowering.uses('integerInputGrad') ? imageAndWeights(lowering, node.operands) : undefined;
  if (operands === undefined) return false;
  const { x: delta, w, image: deltas, weights } = operands;
  const { values } = lowering;
  const geometry = geometryOfInputGrad(values.typeOf(delta), values.typeOf(w), node.attributes);
  const { batch, channels, filters, input, kernel, output, window } = geometry;
  const terms = filters * kernel[0] * kernel[1];
  const pads = flippedPads(geometry);
  if (window.strides.some((stride) => stride !== 1) || pads.some((pad) => pad < 0)) return false;
  if (!isOne(deltas) || !isOne(weights) || deltas.type !== 'int8') return false;
  if (terms < LEAST_TERMS || terms > longestSum(deltas, weights)) return false;
  const turned = onnxFlipped(lowering, weights.shifted(), kernel);
  const across: Geometry = {
    batch,
    channels: filters,
    filters: channels,
    input: output,
    kernel,
    output: input,
    window: { strides: [1, 1], pads },
  };
  const sums = lowering.op('MatMulInteger', [
    lowering.reshape(turned, [channels, terms]),
    columnsOf(lowering, deltas.name, 'int8', across),
    lowering.constant('uint8', 128),
  ]);
  const scaled = scaledSums(lowering, sums, scaleOfProduct(lowering, weights, deltas));
  values.setInner(value, lowering.reshape(scaled, [channels, input[0], input[1], batch]));
  lowering.inIntegers.add(value);
  return true;
};

/** Whether the gradient of the weights will want columns of x with a row of ones. */
function gradientSums(
  lowering: Lowering,
  x: Value,
  { attributes, operands: [, w = 0] }: OpNode<'conv2d'>,
  image: Codes,
): boolean {
  const [, , ...kernel] = lowering.values.shapeOf(w);
  return lowering.usersOf(x).some((user) => {
    if (user.op !== 'conv2dWeightGrad' || image.type !== 'uint8' || user.operands[0] !== x) return false;
    const same =
      [user.attributes.kernel, user.attributes.strides, user.attributes.pads].join(' ') ===
      [kernel, attributes.strides, attributes.pads].join(' ');
    return same && lowering.uses('integerWeightGrad') && sumsOf(lowering, user.operands[1] ?? x);
  });
}

function isOne({ scale }: Codes): boolean {
  return sizeOf(scale.type.shape) === 1;
}

/** One scale, or one for each filter. */
function perFilter({ scale }: Codes, filters: number): boolean {
  const size = sizeOf(scale.type.shape);
  return size === 1 || (size === filters && scale.type.shape.at(-4) === filters);
}

/** `s·t·(columns·δᵀ)` with the columns of x as unsigned bytes; where a bias's gradient is read from the same δ, a row of ones sums it. */
export const integerWeightGrad: LoweringRule<'conv2dWeightGrad'> = (lowering, node, value) => {
  const product = weightProduct(lowering, node);
  if (product === undefined) return false;
  const { values } = lowering;
  const transposed = lowering.op('Transpose', [product.weights], { perm: [1, 0] });
  values.setPlain(value, lowering.op('Mul', [lowering.reshape(transposed, node.type.shape), product.scale]));
  lowering.inIntegers.add(value);
  return true;
};

interface WeightProduct {
  /** f32 `[C·kH·kW, O]`, sums of products of codes. */
  readonly weights: string;
  readonly scale: string;
  /** f32 `[1, O]`: sums of the codes of δ. */
  readonly sums: string | undefined;
}

const PRODUCTS = new WeakMap<Lowering, Map<OpNode, WeightProduct | undefined>>();

/** The product of a node, written once. */
function weightProduct(lowering: Lowering, node: OpNode<'conv2dWeightGrad'>): WeightProduct | undefined {
  const known = PRODUCTS.get(lowering) ?? new Map<OpNode, WeightProduct | undefined>();
  PRODUCTS.set(lowering, known);
  if (!known.has(node)) known.set(node, writeWeightProduct(lowering, node));
  return known.get(node);
}

function writeWeightProduct(lowering: Lowering, node: OpNode<'conv2dWeightGrad'>): WeightProduct | undefined {
  const [x, delta] = node.operands;
  if (x === undefined || delta === undefined || !lowering.uses('integerWeightGrad')) return undefined;
  const { values } = lowering;
  const [image, deltas] = [values.codes(x), values.codes(delta)];
  if (image === undefined || deltas === undefined || !values.isInner(x) || !values.isInner(delta))
    return undefined;
  if (!isOne(image) || !isOne(deltas)) return undefined;
  const geometry = geometryOfWeightGrad(values.typeOf(x), values.typeOf(delta), node.attributes);
  const { batch, channels, filters, kernel, output } = geometry;
  const terms = channels * kernel[0] * kernel[1];
  const signed = image.type === 'int8';
  const ones = !signed && sumsOf(lowering, delta);
  const rows = Math.floor(longestSum(image, deltas) / (output[1] * batch));
  if (rows < 1) return undefined;
  const source = rowsOf(
    lowering,
    signed ? image.shifted() : image.name,
    'uint8',
    signed ? 128 : 0,
    geometry,
    ones,
  );
  const right = transposedBytes(lowering, deltas.name, [filters, output[0] * output[1] * batch]);
  const parts: string[] = [];
  for (let from = 0; from < output[0]; from += rows) {
    const to = Math.min(output[0], from + rows);
    const whole = to - from === output[0];
    const left = source.columns([from, to]);
    const bounds = [from, to].map((row) => lowering.constant('int64', [row * output[1] * batch]));
    const part = whole ? right : lowering.op('Slice', [right, ...bounds]);
    const zero = signed ? [lowering.constant('uint8', 128)] : [];
    parts.push(
      lowering.op('Cast', [lowering.op('MatMulInteger', [left, part, ...zero])], { to: { type: 'float' } }),
    );
  }
  const [first = ''] = parts;
  const total = parts.length === 1 ? first : lowering.op('Sum', parts);
  const slice = (start: number, end: number) =>
    lowering.op('Slice', [total, lowering.constant('int64', [start]), lowering.constant('int64', [end])]);
  const scale = scaleOfProduct(lowering, image, deltas).name;
  return {
    weights: ones ? slice(0, terms) : total,
    scale,
    sums: ones ? slice(terms, terms + 1) : undefined,
  };
}

/** Whether a sum over all but the channels of δ is asked for. */
function sumsOf(lowering: Lowering, delta: Value): boolean {
  return lowering.usersOf(delta).some((user) => user.op === 'sum' && isBiasSum(user));
}

function isBiasSum({ attributes: { axes, keepDims } }: OpNode<'sum'>): boolean {
  return !keepDims && axes.length === 3 && [0, 2, 3].every((axis) => axes.includes(axis));
}

/** The gradient of a bias: the last row of the product that gives that of the weights. */
export const integerBiasGrad: LoweringRule<'sum'> = (lowering, node, value) => {
  const [delta] = node.operands;
  if (delta === undefined || !isBiasSum(node)) return false;
  const codes = lowering.values.codes(delta);
  const user = lowering.usersOf(delta).find((u) => u.op === 'conv2dWeightGrad' && u.operands[1] === delta);
  if (codes === undefined || user === undefined) return false;
  const sums = weightProduct(lowering, user as OpNode<'conv2dWeightGrad'>)?.sums;
  if (sums === undefined) return false;
  const real = lowering.op('Mul', [sums, lowering.reshape(codes.scale.name, [1, 1])]);
  lowering.values.setPlain(value, lowering.reshape(real, node.type.shape));
  return true;
};
