import { describe, expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { DATA_TYPES } from '../../../compiler/emit/onnx/data-types.ts';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import type {
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from '../../../compiler/emit/onnx/schema.ts';
import { makeTensor } from '../../../compiler/emit/onnx/tensor-data.ts';
import { deployedNet, int } from './nets.ts';

const net = deployedNet(2, int(4));
const MODEL = emitOnnx(net.graph, { scheme: 'qdq', initializers: net.frozen, symbolicBatch: true }).model;

function withGraph(change: (graph: GraphProto) => Partial<GraphProto>): ModelProto {
  return { ...MODEL, graph: { ...MODEL.graph, ...change(MODEL.graph) } };
}

function withNode(name: string, change: (node: NodeProto) => Partial<NodeProto>): ModelProto {
  return withGraph((g) => ({ node: g.node.map((n) => (n.name === name ? { ...n, ...change(n) } : n)) }));
}

function withTensor(name: string, change: (tensor: TensorProto) => Partial<TensorProto>): ModelProto {
  return withGraph((g) => ({
    initializer: g.initializer.map((t) => (t.name === name ? { ...t, ...change(t) } : t)),
  }));
}

function declared(
  value: ValueInfoProto,
  dim: readonly number[],
  elemType: number = DATA_TYPES.float.code,
): ValueInfoProto {
  return { ...value, type: { tensorType: { elemType, shape: { dim: dim.map((d) => ({ dimValue: d })) } } } };
}

function firstOf(opType: string): NodeProto {
  const node = MODEL.graph.node.find((n) => n.opType === opType);
  if (!node) throw new Error(`no ${opType}`);
  return node;
}

test('what the emitter writes has no problems', () => {
  expect(checkModel(MODEL)).toEqual([]);
});

describe('every mutation is found', () => {
  const conv = firstOf('Conv').name;
  const pool = firstOf('MaxPool').name;
  const quantize = firstOf('QuantizeLinear').name;
  const mutations: readonly (readonly [string, ModelProto, RegExp])[] = [
    [
      'two nodes swapped',
      withGraph((g) => ({ node: [...g.node].reverse() })),
      /reads '.*', which is computed later/,
    ],
    [
      'a node removed',
      withGraph((g) => ({ node: g.node.filter((n) => n.name !== pool) })),
      /which is not defined/,
    ],
    ['a node twice', withGraph((g) => ({ node: [...g.node, ...g.node.slice(0, 1)] })), /two nodes are named/],
    [
      'a value defined twice',
      withGraph((g) => ({ node: [...g.node, { ...firstOf('Relu'), name: 'again' }] })),
      /is defined twice/,
    ],
    [
      'an initializer removed',
      withGraph((g) => ({ initializer: g.initializer.filter((t) => t.name !== 'c1.bias.codes') })),
      /reads 'c1.bias.codes', which is not defined/,
    ],
    [
      'an output of another shape',
      withGraph((g) => ({ output: g.output.map((o, i) => (i === 0 ? declared(o, [2, 6]) : o)) })),
      /'logits' is declared f32\[2,6\] but is f32\[N,5\]/,
    ],
    [
      'an output of another type',
      withGraph((g) => ({
        output: g.output.map((o, i) => (i === 0 ? declared(o, [2, 5], DATA_TYPES.int32.code) : o)),
      })),
      /'logits' is declared i32/,
    ],
    [
      'an inner value of another shape',
      withGraph((g) => ({ valueInfo: g.valueInfo.map((v, i) => (i === 0 ? declared(v, [1]) : v)) })),
      /is declared f32\[1\]/,
    ],
    [
      'an input of another shape',
      withGraph((g) => ({ input: g.input.map((v) => declared(v, [2, 3, 6, 6])) })),
      /channels of the input and of the kernel differ: 3 and 2/,
    ],
    [
      'an input of another type',
      withGraph((g) => ({ input: g.input.map((v) => declared(v, [2, 2, 6, 6], DATA_TYPES.int64.code)) })),
      /input 0 is int64/,
    ],
    [
      'a negative size',
      withGraph((g) => ({ input: g.input.map((v) => declared(v, [-2, 2, 6, 6])) })),
      /the input 'x' is declared/,
    ],
    [
      'a truncated initializer',
      withTensor('c1.weights.codes', (t) => ({ rawData: t.rawData?.subarray(1) ?? new Uint8Array() })),
      /tensor 'c1.weights.codes' holds 35 bytes of data, its shape \[4,2,3,3\] of int4 needs 36/,
    ],
    [
      'an initializer of another shape',
      withTensor('c1.weights.codes', () => ({ dims: [4, 2, 9] })),
      /do not convolve/,
    ],
    [
      'weights of another type',
      withTensor('c1.weights.codes', () =>
        makeTensor('c1.weights.codes', 'uint4', [4, 2, 3, 3], new Uint8Array(72)),
      ),
      /inputs are uint4 and int4/,
    ],
    [
      'a missing scale of a channel',
      withTensor('c1.weights.scale', () => makeTensor('c1.weights.scale', 'float', [3], [1, 1, 1])),
      /differ/,
    ],
    ['an unknown element type', withTensor('c1.weights.codes', () => ({ dataType: 99 })), /element type 99/],
    [
      'data in another file',
      withTensor('c1.weights.codes', () => ({ dataLocation: 1 })),
      /keeps its data in another file/,
    ],
    ['an unknown operator', withNode(conv, () => ({ opType: 'Convolve' })), /the operator is not known/],
    [
      'an operator of another domain',
      withNode(conv, () => ({ domain: 'com.microsoft' })),
      /the operator is not known/,
    ],
    [
      'an operator named like a method',
      withNode(conv, () => ({ opType: 'toString' })),
      /the operator is not known/,
    ],
    [
      'an input too few',
      withNode(conv, (n) => ({ input: n.input.slice(0, 1) })),
      /1 inputs, the operator takes 2 to 3/,
    ],
    [
      'a bias too long',
      withNode(conv, (n) => ({ input: [...n.input.slice(0, 2), firstOf('Gemm').input[2] ?? ''] })),
      /./,
    ],
    [
      'an output too many',
      withNode(conv, (n) => ({ output: [...n.output, 'more'] })),
      /2 outputs, the operator has 1/,
    ],
    [
      'a missing attribute',
      withNode(pool, (n) => ({ attribute: n.attribute.filter((a) => a.name !== 'kernel_shape') })),
      /attribute 'kernel_shape' is missing/,
    ],
    [
      'an unknown attribute',
      withNode(conv, (n) => ({ attribute: [...n.attribute, { name: 'padding', type: 2, i: 1 }] })),
      /no attribute 'padding'/,
    ],
    [
      'an attribute of another type',
      withNode(pool, (n) => ({
        attribute: n.attribute.map((a) => (a.name === 'strides' ? { name: 'strides', type: 1, f: 2 } : a)),
      })),
      /attribute 'strides' has type 1, must be INTS/,
    ],
    [
      'another stride',
      withNode(pool, (n) => ({
        attribute: n.attribute.map((a) => (a.name === 'strides' ? { ...a, ints: [1, 1] } : a)),
      })),
      /does not reshape|is declared/,
    ],
    [
      'the wrong axis of scales',
      withNode('c1.weights.DequantizeLinear', () => ({ attribute: [{ name: 'axis', type: 2, i: 1 }] })),
      /size of axis 1 differ/,
    ],
    [
      'an axis that is not there',
      withNode('c1.weights.DequantizeLinear', () => ({ attribute: [{ name: 'axis', type: 2, i: 7 }] })),
      /axis 7 of 4 axes/,
    ],
    [
      'an opset before 4-bit integers',
      { ...MODEL, opsetImport: [{ domain: '', version: 20 }] },
      /int4 needs opset 21/,
    ],
    [
      'an IR version before them',
      { ...MODEL, irVersion: 9 },
      /int4 needs opset 21 and IR version 10, the model has 21 and 9/,
    ],
    ['no opset', { ...MODEL, opsetImport: [] }, /imports no version/],
    ['no outputs', withGraph(() => ({ output: [] })), /no outputs/],
    [
      'an output that nothing computes',
      withGraph((g) => ({ output: [...g.output, { name: 'ghost' }] })),
      /the output 'ghost' is not defined/,
    ],
    [
      'an output of codes of four bits',
      withGraph((g) => ({
        node: g.node.map((n) =>
          n.name === quantize ? { ...n, input: [n.input[0] ?? '', n.input[1] ?? '', 'zero'] } : n,
        ),
        initializer: [...g.initializer, makeTensor('zero', 'uint4', [], [0])],
        output: [...g.output, { name: firstOf('QuantizeLinear').output[0] ?? '' }],
      })),
      /is uint4, which onnxruntime cannot return/,
    ],
  ];
  test.each(mutations)('%s', (_, model, message) => {
    expect(checkModel(model).join('\n')).toMatch(message);
  });
});

test('a model of others may hold operators of other domains and older opsets', () => {
  const foreign = withNode(firstOf('Relu').name, () => ({ domain: 'com.example', opType: 'Activation' }));
  expect(checkModel(foreign)).not.toEqual([]);
  expect(checkModel(foreign, { foreign: true })).toEqual([]);
});
