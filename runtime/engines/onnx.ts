import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { checkModel } from '../../compiler/emit/onnx/check-model.ts';
import { emitOnnx } from '../../compiler/emit/onnx/emit.ts';
import type { Rewrites } from '../../compiler/emit/onnx/rewrites/table.ts';
import { type Graph, sameShape, type TensorType } from '../../compiler/ir/graph.ts';
import type { Engine, Executable, HostTensor, LoadOptions, Tensors } from './engine.ts';
import { multipliesIntegersExactly } from './integer-probe.ts';
import { StepNoise } from './onnx-noise.ts';
import { type Provider, requireProvider } from './onnx-provider.ts';
import { loadOnnxRuntime, type OnnxRuntime } from './onnx-runtime.ts';

/** How far onnxruntime may change a graph before it runs. */
export type OptimizationLevel = 'disabled' | 'basic' | 'extended' | 'all';

export interface OnnxEngineOptions {
  /** Threads of one operator; by default the cores at hand, at most 8. */
  readonly threads?: number;
  readonly optimization?: OptimizationLevel;
  /** What runs the operators; those that it lacks run on the CPU. */
  readonly provider?: Provider;
  /** Rewrites of the step that are switched off (or on) by name; see docs/engine.md. */
  readonly rewrites?: Rewrites;
}

/**
 * Runs graphs in onnxruntime-node, each as one ONNX model. Float32 throughout; on the CPU the same inputs give the same bits for the same
 * number of threads.
 * @throws EngineUnavailable where onnxruntime-node or the provider is not there or does not load
 */
export async function createOnnxEngine(options: OnnxEngineOptions = {}): Promise<Engine> {
  const runtime = await loadOnnxRuntime();
  const threads = options.threads ?? Math.min(8, availableParallelism());
  const level = options.optimization ?? 'all';
  const provider = options.provider ?? 'cpu';
  await requireProvider(runtime, provider);
  // Products of codes are in kernels of the CPU.
  const exact = provider === 'cpu' && (await multipliesIntegersExactly(runtime));
  const where = provider === 'cpu' ? 'cpu' : `${provider}, what it lacks on the cpu`;
  const rewrites = exact ? (options.rewrites ?? {}) : { ...options.rewrites, integerProducts: false };
  return {
    name: 'onnx',
    description: `onnxruntime-node ${runtime.version}, ${where}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    load: (graph, load) =>
      OnnxExecutable.create(runtime, graph, load, rewrites, sessionOptions(level, threads, provider)),
    dispose: async () => {},
  };
}

export function sessionOptions(
  level: OptimizationLevel,
  threads: number,
  provider: Provider = 'cpu',
): InferenceSession.SessionOptions {
  return {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    graphOptimizationLevel: level,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    // Waiting threads that spin take the cores from whatever else runs on the machine.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}

interface Feed {
  readonly name: string;
  readonly type: TensorType;
}

class OnnxExecutable implements Executable {
  readonly #runtime: OnnxRuntime;
  readonly #session: InferenceSession;
  readonly #feeds: readonly Feed[];
  /** Graph output and model output, in the graph's order. */
  readonly #outputs: readonly (readonly [string, string])[];
  readonly #noise: StepNoise;

  private constructor(
    runtime: OnnxRuntime,
    session: InferenceSession,
    feeds: readonly Feed[],
    outputs: readonly (readonly [string, string])[],
    noise: StepNoise,
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.#feeds = feeds;
    this.#outputs = outputs;
    this.#noise = noise;
  }

  static async create(
    runtime: OnnxRuntime,
    graph: Graph,
    { seed }: LoadOptions,
    rewrites: Rewrites,
    options: InferenceSession.SessionOptions,
  ): Promise<OnnxExecutable> {
    const emission = emitOnnx(graph, { scheme: 'arithmetic', rewrites });
    const [problem] = checkModel(emission.model);
    if (problem !== undefined)
      throw new Error(`the graph '${graph.name}' gives a wrong ONNX model: ${problem}`);
    const session = await runtime.InferenceSession.create(emission.bytes(), options);
    const feeds = graph.nodes.flatMap((n) => (n.kind === 'input' ? [{ name: n.input, type: n.type }] : []));
    const noise = new StepNoise(runtime, emission.noise, seed);
    return new OnnxExecutable(runtime, session, feeds, [...emission.outputs], noise);
  }

  async run(inputs: Tensors, step: number): Promise<Tensors> {
    const feeds: Record<string, Tensor> = this.#noise.feeds(step);
    for (const { name, type } of this.#feeds) feeds[name] = this.#feed(name, type, inputs.get(name));
    const results = await this.#session.run(feeds);
    return new Map(
      this.#outputs.map(([name, inModel]) => {
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
