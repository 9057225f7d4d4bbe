import { availableParallelism } from 'node:os';
import type { InferenceSession } from 'onnxruntime-node';
import type { Rewrites } from '../../compiler/emit/onnx/rewrites/table.ts';
import type { Graph } from '../../compiler/ir/graph.ts';
import { noiseStreams } from '../../compiler/ir/noise.ts';
import { shardsOf } from '../../compiler/ir/shards.ts';
import { blockOfConvolutions } from './block-probe.ts';
import { type Engine, EngineUnavailable, type Executable, type LoadOptions } from './engine.ts';
import { multipliesIntegersExactly } from './integer-probe.ts';
import { OnnxExecutable, prepareGraph, type Writing } from './onnx-executable.ts';
import { type Provider, requireProvider } from './onnx-provider.ts';
import { loadOnnxRuntime, type OnnxRuntime } from './onnx-runtime.ts';
import { ShardedExecutable } from './onnx-shards.ts';

/** How far onnxruntime may change a graph before it runs. */
export type OptimizationLevel = 'disabled' | 'basic' | 'extended' | 'all';

export interface OnnxEngineOptions {
  /**
   * By default the cores at hand, at most 8. They are shared out among the shards of a step whose batch falls into some (`accumulate`,
   * `allreduce`), of any other among the rows of each operator.
   */
  readonly threads?: number;
  readonly optimization?: OptimizationLevel;
  /** What runs the operators; those that it lacks run on the CPU. */
  readonly provider?: Provider;
  /** Rewrites of the step that are switched off (or on) by name; see docs/engine.md. */
  readonly rewrites?: Rewrites;
  /** Whether steps may hold operators that onnxruntime contributes to ONNX's; the blocked convolution is the one that is used. */
  readonly contribOps?: boolean;
}

/**
 * Runs graphs in onnxruntime-node, each as one ONNX model, a step in shards as one for each shard and one for what joins them. Float32 throughout;
 * on the CPU the same inputs give the same bits for the same number of threads, and those of a step in n shards for any number up to n.
 * @throws EngineUnavailable where onnxruntime-node, the provider or the contributed operators are not there or do not load
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
  const rewrites = {
    ...options.rewrites,
    ...(exact ? {} : IN_FLOATS),
    ...(provider === 'cpu' ? {} : OF_CPU_OFF),
  };
  const block = options.contribOps ? await blockFor(runtime, provider) : undefined;
  const writing = block === undefined ? { rewrites } : { rewrites, block };
  const parts = [
    `onnxruntime-node ${runtime.version}`,
    where,
    ...(exact ? [] : [`products of bytes in float32${provider === 'cpu' ? ': its own saturate here' : ''}`]),
    ...(block === undefined ? [] : [`convolutions in blocks of ${block} channels`]),
    `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
  ];
  return {
    name: 'onnx',
    description: parts.join(', '),
    load: (graph, load) => loadGraph(runtime, graph, load, { threads, level, provider, writing }),
    dispose: async () => {},
  };
}

const IN_FLOATS: Rewrites = { integerProducts: false };
/** Rewrites around what the CPU's operators do with their threads. Ramps overflow on purpose, which a GPU that computes in half precision must not. */
const OF_CPU_OFF: Rewrites = { rampMasks: false, threadsApart: false, extremeInTwo: false };

/** @throws EngineUnavailable */
async function blockFor(runtime: OnnxRuntime, provider: Provider): Promise<number> {
  if (provider !== 'cpu')
    throw new EngineUnavailable(
      'onnx',
      "onnxruntime's blocked convolution",
      `it runs on the cpu, not on ${provider}`,
    );
  return blockOfConvolutions(runtime);
}

interface Loading {
  readonly threads: number;
  readonly level: OptimizationLevel;
  readonly provider: Provider;
  readonly writing: Writing;
}

async function loadGraph(
  runtime: OnnxRuntime,
  graph: Graph,
  { seed }: LoadOptions,
  { threads, level, provider, writing }: Loading,
): Promise<Executable> {
  const sharded = provider === 'cpu' ? shardsOf(graph) : undefined;
  if (sharded === undefined) {
    const options = sessionOptions(level, threads, provider);
    return OnnxExecutable.open(runtime, prepareGraph(graph, seed, writing), options);
  }
  const streams = noiseStreams(graph);
  return ShardedExecutable.open(
    runtime,
    sharded,
    (part) => prepareGraph(part, seed, { ...writing, streams }),
    graph.outputs.map(({ name }) => name),
    {
      lanes: Math.min(threads, sharded.shards.length),
      options: sessionOptions(level, Math.max(1, Math.floor(threads / sharded.shards.length))),
    },
  );
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
    // A plan of all memory would be made at the second run, beside what the first one took: a third more, and no faster.
    enableMemPattern: false,
    logSeverityLevel: 3,
    // Operators of a step follow one another within a fraction of a millisecond, in which a thread had better not fall asleep; one that spins for
    // longer takes its core from whatever else runs on the machine.
    extra: { session: { intra_op: { allow_spinning: '1', spin_duration_us: '100' } } },
  };
}
