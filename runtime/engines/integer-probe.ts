import { irVersionOf } from '../../compiler/emit/onnx/check-model.ts';
import { DATA_TYPES } from '../../compiler/emit/onnx/data-types.ts';
import { GraphWriter } from '../../compiler/emit/onnx/graph-writer.ts';
import { encodeModel } from '../../compiler/emit/onnx/proto.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';

const OPSET = 21;
const ROWS = 8;
const TERMS = 64;
const COLUMNS = 32;

/**
 * Whether this machine's MatMulInteger gives exact sums of products of the largest bytes. On processors that add pairs of products
 * in 16 bits (AVX2 without VNNI) onnxruntime's kernel saturates there.
 */
export async function multipliesIntegersExactly(runtime: OnnxRuntime): Promise<boolean> {
  const session = await runtime.InferenceSession.create(probe(), { executionProviders: ['cpu'] });
  try {
    const results = await session.run({
      a: new runtime.Tensor('uint8', new Uint8Array(ROWS * TERMS).fill(255), [ROWS, TERMS]),
      b: new runtime.Tensor('int8', new Int8Array(TERMS * COLUMNS).fill(127), [TERMS, COLUMNS]),
    });
    const sums = results['y']?.data;
    return sums instanceof Int32Array && sums.every((sum) => sum === 255 * 127 * TERMS);
  } finally {
    await session.release();
  }
}

function probe(): Uint8Array {
  const writer = new GraphWriter(['a', 'b']);
  const product = writer.node('y', 'MatMulInteger', ['a', 'b']);
  const declared = (name: string, type: 'uint8' | 'int8' | 'int32', shape: readonly number[]) => ({
    name,
    type: {
      tensorType: { elemType: DATA_TYPES[type].code, shape: { dim: shape.map((n) => ({ dimValue: n })) } },
    },
  });
  return encodeModel({
    irVersion: irVersionOf(OPSET),
    opsetImport: [{ domain: '', version: OPSET }],
    producerName: 'qspec',
    producerVersion: '',
    metadataProps: [],
    graph: {
      name: 'integer product',
      node: writer.nodes.map((node) => ({
        ...node,
        output: node.output.map((o) => (o === product ? 'y' : o)),
      })),
      initializer: writer.initializers,
      valueInfo: [],
      input: [declared('a', 'uint8', [ROWS, TERMS]), declared('b', 'int8', [TERMS, COLUMNS])],
      output: [declared('y', 'int32', [ROWS, COLUMNS])],
    },
  });
}
