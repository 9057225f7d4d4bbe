import type { Graph, Value } from '../../../compiler/ir/graph.ts';
import { sizeOf } from '../../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../../compiler/ir/ndarray.ts';
import type { FloatTensors } from '../../../compiler/ir/tensor.ts';
import { codeRange, type IntElement } from '../../../compiler/numeric/format.ts';
import { uniforms } from '../../../compiler/numeric/random.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';

export const BIAS: IntElement = { kind: 'int', bits: 32, signed: true, narrow: false };

export function int(bits: number, options: { signed?: boolean; narrow?: boolean } = {}): IntElement {
  return { kind: 'int', bits, signed: options.signed ?? true, narrow: options.narrow ?? true };
}

/** A graph with the tensors that deployment freezes and one batch. */
export interface Net {
  readonly graph: Graph;
  readonly frozen: FloatTensors;
  readonly x: Float32Array;
  readonly batch: number;
}

/** Every input of a net for the reference evaluator. */
export function referenceInputs({ graph, frozen, x, batch }: Net): ReadonlyMap<string, NdArray> {
  const input = graph.nodes.find((n) => n.kind === 'input' && n.input === 'x');
  const shape = [batch, ...(input?.type.shape.slice(1) ?? [])];
  return new Map([
    ['x', ndarray(shape, x)],
    ...[...frozen].map(([name, { shape: s, data }]) => [name, ndarray(s, data)] as const),
  ]);
}

/**
 * A deployed network as `lower` makes it: conv 3×3, relu, max pooling, dense; integer weights per channel, activations
 * per tensor, biases in codes of 32 bits. Every scale is a power of two, so that float32 sums are exact.
 */
export function deployedNet(
  batch: number,
  weights: IntElement,
  activations: IntElement = int(8, { signed: false }),
): Net {
  const builder = newBuilder();
  const frozen = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  const freeze = (name: string, shape: readonly number[], data: Float32Array): Value => {
    frozen.set(name, { shape, data });
    return builder.named(name, () => builder.input(name, 'parameter', { dtype: 'f32', shape }));
  };
  const codes = (
    name: string,
    shape: readonly number[],
    { min, max }: { min: number; max: number },
  ): Value => {
    const draws = uniforms(5, name, 0, sizeOf(shape));
    return freeze(
      name,
      shape,
      draws.map((u) => min + Math.floor(u * (max - min + 1))),
    );
  };
  const quantized = (site: string, value: Value, scale: number): Value => {
    const shape = builder.shapeOf(value).map(() => 1);
    const s = freeze(`${site}.scale`, shape, Float32Array.of(scale));
    return builder.named(site, () => builder.op('quantize', [value, s], { element: activations }));
  };
  const dequantized = (
    name: string,
    shape: readonly number[],
    scales: Float32Array,
    element: IntElement,
  ): Value => {
    const limits = element === BIAS ? { min: -300, max: 300 } : codeRange(element);
    const c = codes(`${name}.codes`, shape, limits);
    const scaleShape = shape.map((n, i) => (i === 0 && scales.length > 1 ? n : 1));
    const s = freeze(`${name}.scale`, scaleShape, scales);
    return builder.named(name, () => builder.op('dequantize', [c, s], { element }));
  };
  const perChannel = (count: number, scale: number) =>
    Float32Array.from({ length: count }, (_, i) => scale * 2 ** -(i % 3));

  const x = builder.named('x', () => builder.input('x', 'batch', { dtype: 'f32', shape: [batch, 2, 6, 6] }));
  const c1In = quantized('c1.in', x, 2 ** -7);
  const w1 = dequantized('c1.weights', [4, 2, 3, 3], perChannel(4, 2 ** -5), weights);
  const b1 = dequantized('c1.bias', [4], perChannel(4, 2 ** -12), BIAS);
  const c1 = builder.named('c1', () => {
    const product = builder.op('conv2d', [c1In, w1], { strides: [1, 1], pads: [1, 1, 1, 1] });
    return builder.op('add', [product, builder.op('reshape', [b1], { shape: [4, 1, 1] })], {});
  });
  const relu = builder.named('relu_1', () => builder.op('relu', [c1], {}));
  const pool = builder.named('maxpool_1', () =>
    builder.op('maxPool', [relu], { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }),
  );
  const flat = builder.named('flatten_1', () => builder.op('reshape', [pool], { shape: [batch, 36] }));
  const f1In = quantized('f1.in', flat, 2 ** -4);
  const w2 = dequantized('f1.weights', [5, 36], Float32Array.of(2 ** -4), weights);
  const b2 = dequantized('f1.bias', [5], Float32Array.of(2 ** -8), BIAS);
  const logits = builder.named('f1', () => {
    const product = builder.op('matmul', [f1In, w2], { transposeA: false, transposeB: true });
    return builder.op('add', [product, b2], {});
  });
  const graph = builder.build('net', [
    { name: 'logits', value: logits },
    { name: 'c1.in', value: c1In },
    { name: 'f1.in', value: f1In },
  ]);
  return { graph, frozen, x: uniforms(6, 'x', 0, batch * 72).map((u) => 2.5 * u - 0.5), batch };
}
