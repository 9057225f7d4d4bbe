import type { FileNode } from './onnx-file.ts';
import { type AccumulationProof, convolution, product, transposed } from './products.ts';
import { combineErrors, errorOf, gamma, sizeOf, UNIT, type Value } from './value.ts';

export type Operator = (
  node: FileNode,
  inputs: readonly (Value | undefined)[],
  proofs: AccumulationProof[],
) => Value;

function first(node: FileNode, inputs: readonly (Value | undefined)[]): Value {
  const [value] = inputs;
  if (!value) throw new Error(`${node.op} '${node.name}' has no input`);
  return value;
}

/** `round half to even`, exact for |x| < 2⁵². */
export function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const fraction = x - low;
  if (fraction !== 0.5) return fraction < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

const quantizeLinear: Operator = (node, inputs) => {
  const [x, scale, zero] = inputs;
  if (!x || !scale) throw new Error(`QuantizeLinear '${node.name}' lacks an input`);
  // Without a zero point the type is uint8.
  const [low, high] = (zero && LIMITS.get(zero)) ?? [0, 255];
  const step = scale.data[0] ?? 1;
  if (scale.data.length !== 1) throw new Error(`QuantizeLinear '${node.name}' has a scale per channel`);
  const codes = new Int32Array(x.data.length);
  for (let i = 0; i < codes.length; i++) {
    codes[i] = Math.min(high, Math.max(low, roundHalfEven(Math.fround((x.data[i] ?? 0) / step))));
  }
  // What it rounds is kept, so that a difference can be measured against the nearest tie.
  return { ...x, codes: { data: codes, scale: Float64Array.of(step), axis: 0, range: [low, high] } };
};

/** Limits of the integer type that a zero point has. */
export const LIMITS = new WeakMap<Value, readonly [number, number]>();

const dequantizeLinear: Operator = (node, inputs) => {
  const [x, scale] = inputs;
  if (!x?.codes || !scale) throw new Error(`DequantizeLinear '${node.name}' lacks an input`);
  const axis = node.attributes.get('axis')?.int ?? 1;
  const at = axis < 0 ? axis + x.shape.length : axis;
  const inner = sizeOf(x.shape.slice(at + 1));
  const count = scale.data.length;
  const { data: codes, range } = x.codes;
  const data = new Float64Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const step = scale.data[count === 1 ? 0 : Math.floor(i / inner) % count] ?? 1;
    data[i] = Math.fround((codes[i] ?? 0) * step);
  }
  return {
    shape: x.shape,
    data,
    error: new Float64Array(1),
    codes: { data: codes, scale: scale.data, axis: at, range },
  };
};

/** An elementwise operator of two operands, each of any broadcastable shape, rounded once. */
function binary(
  f: (a: number, b: number) => number,
  bound: (ea: number, eb: number, a: Value, b: Value) => number,
): Operator {
  return (node, inputs) => {
    const [a, b] = inputs;
    if (!a || !b) throw new Error(`${node.op} '${node.name}' lacks an input`);
    const shape = broadcastShapes(a.shape, b.shape);
    const [ia, ib] = [broadcastIndex(a.shape, shape), broadcastIndex(b.shape, shape)];
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
      Math.fround(f(a.data[ia(i)] ?? 0, b.data[ib(i)] ?? 0)),
    );
    const inherited = combineErrors(a, b, (ea, eb) => bound(ea, eb, a, b));
    // Where both operands are exact both evaluations round the same number, so nothing is added.
    const clean = a.error.every((e) => e === 0) && b.error.every((e) => e === 0);
    const rounding = clean ? 0 : UNIT * maxAbs(data);
    return { shape, data, error: inherited.map((e) => e + rounding) };
  };
}

function maxAbs(data: Float64Array): number {
  let max = 0;
  for (const x of data) max = Math.max(max, Math.abs(x));
  return max;
}

function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) =>
    Math.max(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1),
  );
}

/** Index into an operand for an index into the broadcast result. */
function broadcastIndex(from: readonly number[], to: readonly number[]): (i: number) => number {
  if (sizeOf(from) === 1) return () => 0;
  if (sizeOf(from) === sizeOf(to)) return (i) => i;
  const offset = to.length - from.length;
  return (i) => {
    let rest = i;
    let index = 0;
    let stride = 1;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const size = to[axis] ?? 1;
      const own = from[axis - offset] ?? 1;
      if (own !== 1) index += (rest % size) * stride;
      stride *= own;
      rest = Math.floor(rest / size);
    }
    return index;
  };
}

const relu: Operator = (node, inputs) => {
  const x = first(node, inputs);
  return { shape: x.shape, data: x.data.map((v) => Math.max(v, 0)), error: x.error };
};

const clip: Operator = (node, inputs) => {
  const x = first(node, inputs);
  const low = inputs[1]?.data[0] ?? Number.NEGATIVE_INFINITY;
  const high = inputs[2]?.data[0] ?? Number.POSITIVE_INFINITY;
  return { shape: x.shape, data: x.data.map((v) => Math.min(Math.max(v, low), high)), error: x.error };
};

/** Windows of a pooling over `[N, C, H, W]` reduced by `f`; padding contributes nothing. */
function pooling(start: number, f: (sum: number, x: number) => number): Operator {
  return (node, inputs) => {
    const x = first(node, inputs);
    const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
    const ints = (name: string, otherwise: number[]) => node.attributes.get(name)?.ints ?? otherwise;
    const [kernelH = 1, kernelW = 1] = ints('kernel_shape', []);
    const [strideH = 1, strideW = 1] = ints('strides', [1, 1]);
    const [top = 0, left = 0, bottom = 0, right = 0] = ints('pads', [0, 0, 0, 0]);
    const outH = Math.floor((height + top + bottom - kernelH) / strideH) + 1;
    const outW = Math.floor((width + left + right - kernelW) / strideW) + 1;
    const data = new Float64Array(batch * channels * outH * outW);
    for (let plane = 0, at = 0; plane < batch * channels; plane++) {
      for (let i = 0; i < outH; i++) {
        for (let j = 0; j < outW; j++, at++) {
          let value = start;
          for (
            let h = Math.max(0, i * strideH - top);
            h < Math.min(height, i * strideH - top + kernelH);
            h++
          ) {
            for (
              let w = Math.max(0, j * strideW - left);
              w < Math.min(width, j * strideW - left + kernelW);
              w++
            ) {
              value = f(value, x.data[(plane * height + h) * width + w] ?? 0);
            }
          }
          data[at] = value;
        }
      }
    }
    return { shape: [batch, channels, outH, outW], data, error: x.error };
  };
}

const averagePool: Operator = (node, inputs, proofs) => {
  const [kernelH = 1, kernelW = 1] = node.attributes.get('kernel_shape')?.ints ?? [];
  const sum = pooling(0, (a, b) => a + b)(node, inputs, proofs);
  const count = kernelH * kernelW;
  return averaged(sum, sum.data, count);
};

/** Sums divided by a count: exact inputs whose sum is exact in float32 add no error. */
function averaged(value: Value, sums: Float64Array, count: number, divisor = count): Value {
  const data = sums.map((sum) => Math.fround(sum / divisor));
  const rounding = gamma(count + 1) * maxAbs(data);
  return { shape: value.shape, data, error: value.error.map((e) => e + rounding) };
}

/** `ReduceSum` and `ReduceMean` over the last axes. */
function reduction(mean: boolean): Operator {
  return (node, inputs) => {
    const x = first(node, inputs);
    const axes = inputs[1]
      ? [...inputs[1].data]
      : (node.attributes.get('axes')?.ints ?? x.shape.map((_, i) => i));
    const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)));
    const trailing = x.shape.every((_, i) => reduced.has(i) === i >= x.shape.length - reduced.size);
    if (!trailing) throw new Error(`${node.op} '${node.name}' reduces other than the last axes`);
    const kept = x.shape.slice(0, x.shape.length - reduced.size);
    const keepDims = (node.attributes.get('keepdims')?.int ?? 1) === 1;
    const shape = keepDims ? [...kept, ...Array.from(reduced, () => 1)] : kept;
    const count = sizeOf(x.shape) / sizeOf(kept);
    const sums = new Float64Array(sizeOf(kept));
    for (let i = 0; i < x.data.length; i++)
      sums[Math.floor(i / count)] = (sums[Math.floor(i / count)] ?? 0) + (x.data[i] ?? 0);
    const result = averaged({ ...x, shape }, sums, count, mean ? count : 1);
    return mean ? result : { ...result, error: x.error.map((e, c) => e * count + (result.error[c] ?? 0)) };
  };
}

const globalAveragePool: Operator = (node, inputs, proofs) => {
  const x = first(node, inputs);
  const axes = { shape: [2], data: Float64Array.of(2, 3), error: new Float64Array(1) };
  return reduction(true)(node, [x, axes], proofs);
};

const reshape: Operator = (node, inputs) => {
  const x = first(node, inputs);
  const wanted = [...(inputs[1]?.data ?? [])].map((size, i) => (size === 0 ? (x.shape[i] ?? 0) : size));
  const known = wanted.filter((size) => size !== -1).reduce((a, b) => a * b, 1);
  const shape = wanted.map((size) => (size === -1 ? sizeOf(x.shape) / known : size));
  return reshaped(x, shape);
};

/** The same elements in another shape; a bound per channel survives only where axis 1 does. */
function reshaped(x: Value, shape: readonly number[]): Value {
  const error =
    shape[1] === x.shape[1] && shape[0] === x.shape[0] ? x.error : Float64Array.of(Math.max(...x.error));
  return { ...x, shape, error };
}

const flatten: Operator = (node, inputs) => {
  const x = first(node, inputs);
  const axis = node.attributes.get('axis')?.int ?? 1;
  return reshaped(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
};

const transpose: Operator = (node, inputs) => {
  const x = first(node, inputs);
  const permutation = node.attributes.get('perm')?.ints ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  if (x.shape.length === 2 && permutation[0] === 1) return transposed(x);
  throw new Error(`Transpose '${node.name}' of a tensor that is no matrix`);
};

/** Error of a quotient by an exact divisor. */
function quotientError(ea: number, eb: number, _: Value, b: Value): number {
  if (eb !== 0) throw new Error('Div by a computed tensor has no stated error');
  return ea / b.data.reduce((least, x) => Math.min(least, Math.abs(x)), Number.POSITIVE_INFINITY);
}

/** The operators of an exported model, each by its ONNX definition. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['QuantizeLinear', quantizeLinear],
  ['DequantizeLinear', dequantizeLinear],
  ['Conv', convolution],
  ['Gemm', product],
  ['MatMul', product],
  [
    'Add',
    binary(
      (a, b) => a + b,
      (ea, eb) => ea + eb,
    ),
  ],
  [
    'Sub',
    binary(
      (a, b) => a - b,
      (ea, eb) => ea + eb,
    ),
  ],
  [
    'Mul',
    binary(
      (a, b) => a * b,
      (ea, eb, a, b) => ea * maxAbs(b.data) + eb * maxAbs(a.data) + ea * eb,
    ),
  ],
  ['Div', binary((a, b) => a / b, quotientError)],
  ['Max', binary(Math.max, (ea, eb) => Math.max(ea, eb))],
  ['Min', binary(Math.min, (ea, eb) => Math.max(ea, eb))],
  ['Relu', relu],
  ['Clip', clip],
  ['MaxPool', pooling(Number.NEGATIVE_INFINITY, Math.max)],
  ['AveragePool', averagePool],
  ['GlobalAveragePool', globalAveragePool],
  ['ReduceSum', reduction(false)],
  ['ReduceMean', reduction(true)],
  ['Reshape', reshape],
  ['Flatten', flatten],
  ['Transpose', transpose],
  // Between integer types whose values all fit: codes of a width that no kernel reads are widened.
  ['Cast', (node, inputs) => first(node, inputs)],
  ['Identity', (node, inputs) => first(node, inputs)],
]);

/** Bound on one element, for reports. */
export function boundAt(value: Value, index: number): number {
  const inner = sizeOf(value.shape.slice(2));
  return errorOf(value, Math.floor(index / inner) % (value.shape[1] ?? 1));
}
