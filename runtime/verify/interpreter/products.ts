import type { FileNode } from './onnx-file.ts';
import { gamma, isPowerOfTwo, sizeOf, type Value } from './value.ts';

/** What was proved of one convolution or product. */
export interface AccumulationProof {
  readonly node: string;
  /** Largest possible magnitude of a partial sum, in units of the product of scales. */
  readonly largestSum: number;
  /** All scales are powers of two and no partial sum reaches 2²⁴, so float32 sums are exact in any order. */
  readonly exact: boolean;
}

/** A factor of a product: integer codes with their scales, or real values as they are. */
interface Factor {
  readonly value: Value;
  readonly data: Int32Array | Float64Array;
  readonly scale: Float64Array;
  readonly range: readonly [low: number, high: number];
}

/** A product with its weights `[O, K…]` and bias, whatever operator it came from. */
interface Product {
  readonly node: FileNode;
  readonly x: Factor;
  readonly w: Factor;
  readonly bias: Value | undefined;
  readonly channels: number;
  readonly depth: number;
}

/** Real output and error bound of integer sums `acc[n, o, …]`: `acc · s_x · s_w + b`, rounded once to float32. */
function scaled(
  product: Product,
  shape: readonly number[],
  sums: Float64Array,
  proofs: AccumulationProof[],
): Value {
  const { node, x, w, bias, channels, depth } = product;
  const inputScale = x.scale[0] ?? 1;
  const [low, high] = x.range;
  // What a float32 runtime may already be off by in x; codes are given, so they are off by nothing.
  const inherited = x.value.codes ? 0 : Math.max(...x.value.error);
  const inner = sizeOf(shape.slice(2));
  const error = new Float64Array(channels);
  let largestSum = 0;
  let powers = isPowerOfTwo(inputScale);
  const factor = new Float64Array(channels);
  const offset = new Float64Array(channels);
  for (let o = 0; o < channels; o++) {
    const weightScale = w.scale[w.scale.length === 1 ? 0 : o] ?? 1;
    factor[o] = inputScale * weightScale;
    offset[o] = bias ? (bias.data[bias.data.length === 1 ? 0 : o] ?? 0) : 0;
    // Whatever the order, a partial sum lies between the sum of all negative and that of all positive products.
    let [least, most, weights, magnitude] = [0, 0, 0, Math.abs((offset[o] ?? 0) / (factor[o] ?? 1))];
    const start = magnitude;
    for (let k = 0; k < depth; k++) {
      const weight = w.data[o * depth + k] ?? 0;
      const [a, b] = [weight * low, weight * high];
      weights += Math.abs(weight);
      least += Math.min(a, b, 0);
      most += Math.max(a, b, 0);
      magnitude += Math.max(Math.abs(a), Math.abs(b));
    }
    largestSum = Math.max(largestSum, Math.max(most, -least) + start);
    powers &&= isPowerOfTwo(weightScale) && (!bias?.codes || isPowerOfTwo(bias.codes.scale[0] ?? 1));
    // The dequantized factors are rounded once each, then depth + 1 terms are summed, then the result is rounded.
    error[o] = (gamma(depth + 5) * magnitude + weights * inherited) * (factor[o] ?? 1);
  }
  const whole = [x.value, w.value, bias].every((value) => !value || value.codes !== undefined);
  const isExact = powers && whole && largestSum < 2 ** 24;
  proofs.push({ node: node.name || node.outputs[0] || node.op, largestSum, exact: isExact });
  const data = new Float64Array(sums.length);
  for (let i = 0; i < sums.length; i++) {
    const o = Math.floor(i / inner) % channels;
    data[i] = Math.fround((sums[i] ?? 0) * (factor[o] ?? 1) + (offset[o] ?? 0));
  }
  return { shape, data, error: isExact ? new Float64Array(1) : error };
}

function factorOf(value: Value | undefined, node: FileNode): Factor {
  if (!value) throw new Error(`${node.op} '${node.name}' lacks an operand`);
  if (value.codes) return { value, ...value.codes };
  const { data } = value;
  const range = [data.reduce((a, b) => Math.min(a, b), 0), data.reduce((a, b) => Math.max(a, b), 0)] as const;
  return { value, data, scale: Float64Array.of(1), range };
}

/** `Conv` over `[N, C, H, W]` with one group. */
export function convolution(
  node: FileNode,
  inputs: readonly (Value | undefined)[],
  proofs: AccumulationProof[],
): Value {
  const x = factorOf(inputs[0], node);
  const w = factorOf(inputs[1], node);
  const [batch = 0, channelsIn = 0, height = 0, width = 0] = x.value.shape;
  const [channels = 0, , kernelH = 0, kernelW = 0] = w.value.shape;
  const ints = (name: string, otherwise: number[]) => node.attributes.get(name)?.ints ?? otherwise;
  const [strideH = 1, strideW = 1] = ints('strides', [1, 1]);
  const [dilationH = 1, dilationW = 1] = ints('dilations', [1, 1]);
  const [top = 0, left = 0, bottom = 0, right = 0] = ints('pads', [0, 0, 0, 0]);
  if ((node.attributes.get('group')?.int ?? 1) !== 1) throw new Error(`Conv '${node.name}' has groups`);
  const outH = Math.floor((height + top + bottom - dilationH * (kernelH - 1) - 1) / strideH) + 1;
  const outW = Math.floor((width + left + right - dilationW * (kernelW - 1) - 1) / strideW) + 1;
  const depth = channelsIn * kernelH * kernelW;
  const pixels = outH * outW;
  const weights = Float64Array.from(w.data);
  const windows = new Float64Array(pixels * depth);
  const sums = new Float64Array(batch * channels * pixels);
  for (let n = 0; n < batch; n++) {
    for (let i = 0, at = 0; i < outH; i++) {
      for (let j = 0; j < outW; j++) {
        for (let c = 0; c < channelsIn; c++) {
          const plane = (n * channelsIn + c) * height;
          for (let kh = 0; kh < kernelH; kh++) {
            const h = i * strideH - top + kh * dilationH;
            for (let kw = 0; kw < kernelW; kw++, at++) {
              const v = j * strideW - left + kw * dilationW;
              const inside = h >= 0 && h < height && v >= 0 && v < width;
              windows[at] = inside ? (x.data[(plane + h) * width + v] as number) : 0;
            }
          }
        }
      }
    }
    sumProducts(weights, windows, depth, sums.subarray(n * channels * pixels, (n + 1) * channels * pixels));
  }
  return scaled(
    { node, x, w, bias: inputs[2], channels, depth },
    [batch, channels, outH, outW],
    sums,
    proofs,
  );
}

/**
 * `out[o, p] = Σ_k a[o, k] · b[p, k]`. Codes of up to 16 bits are whole numbers whose sums stay below 2⁵³, so float64 is exact
 * for them in any order. Four rows of a at a time keep the sums in registers.
 */
function sumProducts(a: Float64Array, b: Float64Array, depth: number, out: Float64Array): void {
  const rows = a.length / depth;
  const columns = b.length / depth;
  for (let o = 0; o < rows; o += 4) {
    const [a0, a1, a2, a3] = [0, 1, 2, 3].map((i) => Math.min(o + i, rows - 1) * depth) as [
      number,
      number,
      number,
      number,
    ];
    for (let p = 0; p < columns; p++) {
      const base = p * depth;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let k = 0; k < depth; k++) {
        const x = b[base + k] as number;
        s0 += (a[a0 + k] as number) * x;
        s1 += (a[a1 + k] as number) * x;
        s2 += (a[a2 + k] as number) * x;
        s3 += (a[a3 + k] as number) * x;
      }
      // Rows past the end repeat the last one and write its sum again.
      out[(a0 / depth) * columns + p] = s0;
      out[(a1 / depth) * columns + p] = s1;
      out[(a2 / depth) * columns + p] = s2;
      out[(a3 / depth) * columns + p] = s3;
    }
  }
}

/** `MatMul` or `Gemm` of `[N, K]` with weights stored as `[O, K]` (transposed) or `[K, O]`. */
export function product(
  node: FileNode,
  inputs: readonly (Value | undefined)[],
  proofs: AccumulationProof[],
): Value {
  const x = factorOf(inputs[0], node);
  const attribute = (name: string, otherwise: number) =>
    node.attributes.get(name) ?? { float: otherwise, int: otherwise };
  if (
    attribute('alpha', 1).float !== 1 ||
    attribute('beta', 1).float !== 1 ||
    attribute('transA', 0).int !== 0
  ) {
    throw new Error(`${node.op} '${node.name}' scales or transposes its input`);
  }
  const stored = inputs[1];
  const w = factorOf(stored && attribute('transB', 0).int !== 1 ? transposed(stored) : stored, node);
  const [batch = 0, depth = 0] = x.value.shape;
  const [channels = 0] = w.value.shape;
  const sums = new Float64Array(batch * channels);
  sumProducts(Float64Array.from(x.data), Float64Array.from(w.data), depth, sums);
  return scaled({ node, x, w, bias: inputs[2], channels, depth }, [batch, channels], sums, proofs);
}

/** A matrix with its axes swapped. */
export function transposed(value: Value): Value {
  const [rows = 0, columns = 0] = value.shape;
  const from = (i: number) => (i % rows) * columns + Math.floor(i / rows);
  const { codes } = value;
  return {
    shape: [columns, rows],
    data: value.data.map((_, i) => value.data[from(i)] ?? 0),
    error: value.error,
    ...(codes && {
      codes: { ...codes, data: codes.data.map((_, i) => codes.data[from(i)] ?? 0), axis: 1 - codes.axis },
    }),
  };
}
