import { expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { emitOnnx, type OnnxOptions } from '../../../compiler/emit/onnx/emit.ts';
import { MODEL_REWRITES } from '../../../compiler/emit/onnx/rewrites/table.ts';
import { type Graph, sizeOf } from '../../../compiler/ir/graph.ts';
import { uniforms } from '../../../compiler/numeric/random.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';
import { type ModelTensor, runModel } from '../../../runtime/engines/onnx-model.ts';

/** Every rewrite has something to do here: conv with bias, dense with bias, copies, and splats large enough to be expanded. */
function network(): Graph {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: [2, 2, 5, 5] });
  const input = (name: string, shape: readonly number[]) =>
    builder.input(name, 'parameter', { dtype: 'f32', shape });
  const product = builder.op('conv2d', [x, input('w', [3, 2, 3, 3])], {
    strides: [1, 1],
    pads: [1, 1, 1, 1],
  });
  const bias = builder.op('reshape', [input('b', [3])], { shape: [3, 1, 1] });
  const conv = builder.op('add', [product, bias], {});
  const scaled = builder.op(
    'mul',
    [builder.op('stopGradient', [conv], {}), builder.constant(0.5, [2, 3, 5, 5])],
    {},
  );
  const flat = builder.op('reshape', [scaled], { shape: [2, 75] });
  const dense = builder.op('matmul', [flat, input('v', [4, 75])], { transposeA: false, transposeB: true });
  const hidden = builder.op('add', [dense, input('c', [4])], {});
  const last = builder.op('matmul', [hidden, input('u', [4, 3])], { transposeA: false, transposeB: false });
  const y = builder.op('add', [input('d', [3]), last], {});
  return builder.build('network', [{ name: 'y', value: y }]);
}

function feeds(graph: Graph): Map<string, ModelTensor> {
  return new Map(
    graph.nodes.flatMap((n): [string, ModelTensor][] => {
      if (n.kind !== 'input') return [];
      const { shape } = n.type;
      return [[n.input, { shape, data: uniforms(1, n.input, 0, sizeOf(shape)).map((u) => u - 0.5) }]];
    }),
  );
}

const ALL_OFF = Object.fromEntries(MODEL_REWRITES.map((name) => [name, false]));
const GRAPH = network();

function emit(rewrites: NonNullable<OnnxOptions['rewrites']>) {
  const emission = emitOnnx(GRAPH, { scheme: 'qdq', rewrites });
  expect(checkModel(emission.model)).toEqual([]);
  const operators = emission.model.graph.node.map((n) => n.opType).sort();
  return { ...emission, operators };
}

async function run(bytes: Uint8Array): Promise<Float32Array> {
  // At this level onnxruntime makes no such rewrite itself.
  const y = (await runModel(bytes, feeds(GRAPH), 'disabled')).get('y')?.data;
  if (!(y instanceof Float32Array)) throw new Error('no result');
  return y;
}

test.each(MODEL_REWRITES)('%s shortens the graph and keeps its values within rounding', async (name) => {
  const before = emit(ALL_OFF);
  const after = emit({ ...ALL_OFF, [name]: true });
  expect(after.operators.length).toBeLessThan(before.operators.length);
  const [expected, found] = [await run(before.bytes()), await run(after.bytes())];
  const magnitude = Math.max(...expected.map(Math.abs));
  expected.forEach((v, i) => {
    expect(Math.abs((found[i] ?? NaN) - v)).toBeLessThanOrEqual(2 ** -20 * magnitude);
  });
});

test('all of them together leave one operator a layer', () => {
  expect(emit({}).operators).toEqual(['Conv', 'Gemm', 'Gemm', 'Mul', 'Reshape']);
});

test('in training graphs the products of matrices stay as they are', () => {
  const { model } = emitOnnx(GRAPH, { scheme: 'arithmetic' });
  expect(model.graph.node.filter((n) => n.opType === 'Add')).toHaveLength(2);
});

test('a product that something else reads is not folded away', () => {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: [2, 3] });
  const w = builder.input('w', 'parameter', { dtype: 'f32', shape: [3, 4] });
  const b = builder.input('b', 'parameter', { dtype: 'f32', shape: [4] });
  const product = builder.op('matmul', [x, w], { transposeA: false, transposeB: false });
  const sum = builder.op('add', [product, b], {});
  const graph = builder.build('shared', [
    { name: 'sum', value: sum },
    { name: 'product', value: product },
  ]);
  const { model } = emitOnnx(graph, { scheme: 'qdq' });
  expect(checkModel(model)).toEqual([]);
  expect(model.graph.node.map((n) => n.opType)).toEqual(['MatMul', 'Add']);
});
