import type { Tensor } from '@tensorflow/tfjs-core';
import { emitGraphModule } from '../../compiler/emit/tfjs/emit-program.ts';
import { GROUPS, LASTING, type Signature } from '../../compiler/emit/tfjs/signature.ts';
import type { noiseAt } from '../../compiler/emit/tfjs/support/noise.ts';
import { type Graph, sameShape, type TensorType } from '../../compiler/ir/graph.ts';
import { largestStream, noiseStreams } from '../../compiler/ir/noise.ts';
import { poolSize } from '../../compiler/numeric/random.ts';
import type { Engine, Executable, HostTensor, LoadOptions, Tensors } from './engine.ts';
import { type Backend, loadBackend, type Tfjs } from './tfjs-backend.ts';
import { evaluateModules } from './tfjs-module.ts';

/** The engine that runs the very TypeScript that `compile` emits. */
export async function createTfjsEngine(): Promise<Engine> {
  const backend = await loadBackend();
  return {
    name: 'tfjs',
    description: backend.description,
    load: async (graph, options) => load(backend, graph, options),
    dispose: async () => {},
  };
}

/** What emitted functions return: tensors in objects. */
interface TensorTree {
  readonly [key: string]: Tensor | TensorTree;
}

function load({ tf, name }: Backend, graph: Graph, { seed }: LoadOptions): Executable {
  const { files, main, signature } = emitGraphModule(graph);
  const evaluate = exported<(...args: readonly unknown[]) => TensorTree>(files, main, signature.functionName);
  const noise = signature.parameters.includes('noise')
    ? exported<typeof noiseAt>(files, 'support/noise.ts', 'noiseAt')
    : undefined;
  const streams = noiseStreams(graph);
  const pools = {
    uniform: poolSize(largestStream(streams, 'uniform')),
    normal: poolSize(largestStream(streams, 'normal')),
  };
  return {
    run: async (inputs, step) => {
      if (tf.getBackend() !== name) await tf.setBackend(name);
      const used = new Set<Tensor>();
      try {
        const given = inputObjects(tf, signature, inputs, used);
        const args = signature.parameters.map((p) =>
          p === 'noise' ? noise?.(seed, step, pools) : given.get(p),
        );
        const result = evaluate(...args);
        for (const path of signature.outputs.values()) used.add(tensorAt(result, path));
        return await outputTensors(signature, result);
      } finally {
        for (const tensor of used) tensor.dispose();
      }
    },
    dispose: async () => {},
  };
}

function exported<F>(files: ReadonlyMap<string, string>, file: string, name: string): F {
  const value = evaluateModules(files, file)[name];
  if (typeof value !== 'function') throw new Error(`the emitted file ${file} exports no function '${name}'`);
  return value as F;
}

/** The objects that emitted functions take, by parameter; every tensor made is added to `made`. */
function inputObjects(
  tf: Tfjs,
  { inputs: fields }: Signature,
  inputs: Tensors,
  made: Set<Tensor>,
): ReadonlyMap<string, unknown> {
  const objects = new Map<string, unknown>();
  for (const role of [...LASTING, 'batch'] as const) {
    const tensors = fields[role].map(({ name, key, type }) => {
      const { data, shape, dtype } = inputOf(inputs, name, type);
      const tensor = tf.tensor(data, [...shape], dtype === 'i32' ? 'int32' : 'float32');
      made.add(tensor);
      return [key, tensor] as const;
    });
    objects.set(GROUPS[role].field, Object.fromEntries(tensors));
  }
  const numbers = fields.hyper.map(
    ({ name, key, type }) => [key, inputOf(inputs, name, type).data[0]] as const,
  );
  objects.set(GROUPS.hyper.field, Object.fromEntries(numbers));
  objects.set(
    'tensors',
    Object.fromEntries(LASTING.map((role) => [GROUPS[role].field, objects.get(GROUPS[role].field)])),
  );
  return objects;
}

function inputOf(inputs: Tensors, name: string, { shape, dtype }: TensorType): HostTensor {
  const given = inputs.get(name);
  if (given === undefined) throw new Error(`no value for the input '${name}'`);
  if (given.dtype !== dtype || !sameShape(given.shape, shape)) {
    const stated = `${dtype}[${shape}]`;
    throw new Error(`the input '${name}' is ${given.dtype}[${given.shape}] where the graph states ${stated}`);
  }
  return given;
}

async function outputTensors({ outputs }: Signature, result: TensorTree): Promise<Tensors> {
  const read = [...outputs].map(async ([name, path]): Promise<[string, HostTensor]> => {
    const tensor = tensorAt(result, path);
    const { shape } = tensor;
    const data = await tensor.data();
    // The plain JavaScript backend hands out its own arrays, so copies leave here.
    return tensor.dtype === 'int32'
      ? [name, { dtype: 'i32', shape, data: Int32Array.from(data) }]
      : [name, { dtype: 'f32', shape, data: Float32Array.from(data) }];
  });
  return new Map(await Promise.all(read));
}

function tensorAt(tree: TensorTree, path: readonly string[]): Tensor {
  let found: TensorTree | Tensor | undefined = tree;
  for (const key of path) found = (found as TensorTree | undefined)?.[key];
  if (found === undefined) throw new Error(`an emitted function returned no '${path.join('.')}'`);
  return found as Tensor;
}
