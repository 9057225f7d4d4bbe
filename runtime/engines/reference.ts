import { type Graph, nodeOf, type TensorType } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import { evaluate } from '../../compiler/ops/evaluate.ts';
import { poolNoises } from '../../compiler/ops/pool-noise.ts';
import type { Engine, Executable, HostTensor, LoadOptions, Tensors } from './engine.ts';

/** The float64 reference evaluator as an engine: slow, and what the others are measured against. */
export function createReferenceEngine(): Engine {
  return {
    name: 'reference',
    description: 'float64 reference evaluator',
    load: async (graph, options) => load(graph, options),
    dispose: async () => {},
  };
}

function load(graph: Graph, { seed }: LoadOptions): Executable {
  const noise = poolNoises(graph, seed);
  const types = new Map(graph.outputs.map(({ name, value }) => [name, nodeOf(graph, value).type]));
  return {
    run: async (inputs, step) => {
      const given = new Map([...inputs].map(([name, tensor]) => [name, ndarray(tensor.shape, tensor.data)]));
      const results = evaluate(graph, given, noise(step));
      return new Map(
        [...results].map(([name, value]) => [name, rounded(value, types.get(name))]),
      ) satisfies Tensors;
    },
    dispose: async () => {},
  };
}

function rounded({ shape, data }: NdArray, type: TensorType | undefined): HostTensor {
  return type?.dtype === 'i32'
    ? { dtype: 'i32', shape, data: Int32Array.from(data) }
    : { dtype: 'f32', shape, data: Float32Array.from(data) };
}
