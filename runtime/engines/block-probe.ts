import { type Graph, sizeOf } from '../../compiler/ir/graph.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { EngineUnavailable, type HostTensor, type Tensors } from './engine.ts';
import { OnnxExecutable, prepareGraph } from './onnx-executable.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';

/** Sizes of a block that onnxruntime's builds have: 16 channels with AVX-512, 8 with other vector units. */
const SIZES = [16, 8] as const;

const CHANNELS = 16;
const SIDE = 4;
const KERNEL = 3;

/**
 * How many channels a block of onnxruntime's own convolutions has on this machine. The library does not tell, so one small convolution is asked for with
 * each size: only the right one gives what the standard operator gives.
 * @throws EngineUnavailable where none does, or where there is no such operator
 */
export async function blockOfConvolutions(runtime: OnnxRuntime): Promise<number> {
  const graph = convolution();
  const inputs: Tensors = new Map([
    ['x', whole([1, CHANNELS, SIDE, SIDE], 7)],
    ['w', whole([CHANNELS, CHANNELS, KERNEL, KERNEL], 5)],
  ]);
  try {
    const expected = await resultOf(runtime, graph, inputs);
    for (const block of SIZES) {
      const found = await resultOf(runtime, graph, inputs, block);
      if (found.every((sum, i) => sum === expected[i])) return block;
    }
  } catch (cause) {
    throw unavailable(cause);
  }
  throw unavailable('no size of its blocks gives the sums of the standard operator');
}

function unavailable(cause: unknown): EngineUnavailable {
  return new EngineUnavailable('onnx', "onnxruntime's blocked convolution (com.microsoft.nchwc)", cause);
}

function convolution(): Graph {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: [1, CHANNELS, SIDE, SIDE] });
  const w = builder.input('w', 'batch', { dtype: 'f32', shape: [CHANNELS, CHANNELS, KERNEL, KERNEL] });
  const value = builder.op('conv2d', [x, w], { strides: [1, 1], pads: [1, 1, 1, 1] });
  return builder.build('probe', [{ name: 'y', value }]);
}

/** Small whole numbers, sums of whose products are exact, no two blocks of which are alike. */
function whole(shape: readonly number[], modulus: number): HostTensor {
  const data = new Float32Array(sizeOf(shape));
  for (const i of data.keys()) data[i] = ((i * i + 3 * i) % (2 * modulus + 1)) - modulus;
  return { dtype: 'f32', shape, data };
}

async function resultOf(
  runtime: OnnxRuntime,
  graph: Graph,
  inputs: Tensors,
  block?: number,
): Promise<HostTensor['data']> {
  const prepared = prepareGraph(graph, 0, block === undefined ? {} : { block });
  const options = { executionProviders: ['cpu'], logSeverityLevel: 4 } as const;
  const executable = await OnnxExecutable.open(runtime, prepared, options);
  try {
    const result = (await executable.run(inputs, 0)).get('y');
    if (result === undefined) throw new Error('no result');
    return result.data;
  } finally {
    await executable.dispose();
  }
}
