import type { Graph } from '../../compiler/ir/graph.ts';
import type { Products } from '../../compiler/ir/products.ts';

/** A dense tensor on the host, row-major. */
export type HostTensor =
  | { readonly dtype: 'f32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'i32'; readonly shape: readonly number[]; readonly data: Int32Array };

/** Tensors by the names of a graph's inputs or outputs. */
export type Tensors = ReadonlyMap<string, HostTensor>;

/** A graph that an engine has made ready to run. */
export interface Executable {
  /**
   * Evaluates the graph. Noise comes from the pool slices of (seed, step, stream), the same in every engine.
   * @throws where an input is missing or has another shape than the graph states
   */
  run(inputs: Tensors, step: number): Promise<Tensors>;
  /** Of the graph's convolutions and matrix products, how many the engine computes in integers; absent where it has only floats. */
  readonly products?: Products;
  dispose(): Promise<void>;
}

export interface LoadOptions {
  /** Seed of the noise streams. */
  readonly seed: number;
}

/** Something that runs IR graphs. Engines differ in speed and rounding only. */
export interface Engine {
  readonly name: 'onnx' | 'tfjs' | 'reference';
  /** Library, version, backend and threads, for `doctor` and the run's records. */
  readonly description: string;
  load(graph: Graph, options: LoadOptions): Promise<Executable>;
  dispose(): Promise<void>;
}

/** The library that an engine needs is not installed, or does not load on this machine. */
export class EngineUnavailable extends Error {
  readonly engine: Engine['name'];
  readonly library: string;

  constructor(engine: Engine['name'], library: string, cause: unknown) {
    super(`the ${engine} engine needs ${library}, which ${problemOf(library, cause)}`, { cause });
    this.name = 'EngineUnavailable';
    this.engine = engine;
    this.library = library;
  }
}

function problemOf(library: string, cause: unknown): string {
  const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
  const missing =
    reason.startsWith(`Cannot find package '${library}'`) || reason === `Cannot find module '${library}'`;
  return missing ? `is not installed: npm install ${library}` : `does not load: ${reason}`;
}
