import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { checkModel } from '../../compiler/emit/onnx/check-model.ts';
import { emitOnnx, type OnnxOptions } from '../../compiler/emit/onnx/emit.ts';
import type { NoiseLayout } from '../../compiler/emit/onnx/noise-inputs.ts';
import { type Graph, sameShape, type TensorType } from '../../compiler/ir/graph.ts';
import type { Products } from '../../compiler/ir/products.ts';
import type { Executable, HostTensor, Tensors } from './engine.ts';
import { StepNoise } from './onnx-noise.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';

/** A graph as a model and what its session has to be fed: plain data, which another thread can be given. */
export interface PreparedGraph {
  readonly bytes: Uint8Array;
  readonly feeds: readonly Feed[];
  /** Graph output and model output, in the graph's order. */
  readonly outputs: readonly (readonly [string, string])[];
  readonly noise: NoiseLayout;
  readonly products: Products;
  readonly seed: number;
}

interface Feed {
  readonly name: string;
  readonly type: TensorType;
}

/** How the models of an engine are written; see `OnnxOptions`. */
export type Writing = Pick<OnnxOptions, 'rewrites' | 'block' | 'streams'>;

/** @param writing its `streams` are those of the step that the graph is a part of */
export function prepareGraph(graph: Graph, seed: number, writing: Writing): PreparedGraph {
  const emission = emitOnnx(graph, { scheme: 'arithmetic', ...writing });
  const [problem] = checkModel(emission.model);
  if (problem !== undefined)
    throw new Error(`the graph '${graph.name}' gives a wrong ONNX model: ${problem}`);
  return {
    bytes: emission.bytes(),
    feeds: graph.nodes.flatMap((n) => (n.kind === 'input' ? [{ name: n.input, type: n.type }] : [])),
    outputs: [...emission.outputs],
    noise: emission.noise,
    products: emission.products,
    seed,
  };
}

/** One session of onnxruntime. */
export class OnnxExecutable implements Executable {
  readonly #runtime: OnnxRuntime;
  readonly #session: InferenceSession;
  readonly #prepared: PreparedGraph;
  readonly #noise: StepNoise;

  private constructor(runtime: OnnxRuntime, session: InferenceSession, prepared: PreparedGraph) {
    this.#runtime = runtime;
    this.#session = session;
    this.#prepared = prepared;
    this.#noise = new StepNoise(runtime, prepared.noise, prepared.seed);
  }

  get products(): Products {
    return this.#prepared.products;
  }

  static async open(
    runtime: OnnxRuntime,
    prepared: PreparedGraph,
    options: InferenceSession.SessionOptions,
  ): Promise<OnnxExecutable> {
    const session = await runtime.InferenceSession.create(prepared.bytes, options);
    return new OnnxExecutable(runtime, session, prepared);
  }

  async run(inputs: Tensors, step: number): Promise<Tensors> {
    const feeds: Record<string, Tensor> = this.#noise.feeds(step);
    for (const { name, type } of this.#prepared.feeds) feeds[name] = this.#feed(name, type, inputs.get(name));
    const results = await this.#session.run(feeds);
    return new Map(
      this.#prepared.outputs.map(([name, inModel]) => {
        const tensor = results[inModel];
        if (!tensor) throw new Error(`the model gave no '${inModel}'`);
        return [name, hostTensor(tensor)];
      }),
    );
  }

  #feed(name: string, type: TensorType, given: HostTensor | undefined): Tensor {
    if (!given) throw new Error(`no value for the input '${name}'`);
    if (given.dtype !== type.dtype || !sameShape(given.shape, type.shape)) {
      throw new Error(
        `the input '${name}' is ${given.dtype}[${given.shape}], must be ${type.dtype}[${type.shape}]`,
      );
    }
    return given.dtype === 'f32'
      ? new this.#runtime.Tensor('float32', given.data, given.shape)
      : new this.#runtime.Tensor('int32', given.data, given.shape);
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

function hostTensor(tensor: Tensor): HostTensor {
  const shape = [...tensor.dims];
  if (tensor.data instanceof Float32Array) return { dtype: 'f32', shape, data: tensor.data };
  if (tensor.data instanceof Int32Array) return { dtype: 'i32', shape, data: tensor.data };
  throw new Error(`an output has element type ${tensor.type}`);
}
