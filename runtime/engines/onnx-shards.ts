import { Worker } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import type { Products } from '../../compiler/ir/products.ts';
import type { Shard, ShardedStep } from '../../compiler/ir/shards.ts';
import type { Executable, HostTensor, Tensors } from './engine.ts';
import { OnnxExecutable, type PreparedGraph } from './onnx-executable.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';

/** What a thread is started with. */
export interface Task {
  readonly prepared: readonly PreparedGraph[];
  readonly options: InferenceSession.SessionOptions;
}

/** Inputs of each of its shards, or the end. */
export type Job = { readonly step: number; readonly inputs: readonly Tensors[] } | 'close';

export type Answer = 'ready' | { readonly results: readonly Tensors[] } | { readonly failure: string };

/** Something that runs some of the shards. */
interface Lane {
  run(inputs: readonly Tensors[], step: number): Promise<readonly Tensors[]>;
  dispose(): Promise<void>;
}

/** Sessions in the thread that asks, one after the other. */
export class OwnLane implements Lane {
  readonly #executables: readonly OnnxExecutable[];

  private constructor(executables: readonly OnnxExecutable[]) {
    this.#executables = executables;
  }

  static async open(runtime: OnnxRuntime, { prepared, options }: Task): Promise<OwnLane> {
    return new OwnLane(
      await Promise.all(prepared.map((graph) => OnnxExecutable.open(runtime, graph, options))),
    );
  }

  async run(inputs: readonly Tensors[], step: number): Promise<readonly Tensors[]> {
    const results: Tensors[] = [];
    for (const [i, executable] of this.#executables.entries()) {
      results.push(await executable.run(inputs[i] ?? new Map(), step));
    }
    return results;
  }

  async dispose(): Promise<void> {
    for (const executable of this.#executables) await executable.dispose();
  }
}

/** A thread of its own. */
class WorkerLane implements Lane {
  readonly #worker: Worker;
  #settle: { resolve(answer: Answer): void; reject(failure: Error): void } | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: Answer) => this.#settle?.resolve(answer));
    worker.on('error', (failure) => this.#settle?.reject(failure));
    worker.on('exit', (code) => this.#settle?.reject(new Error(`a thread of the engine ended (${code})`)));
  }

  static async start(task: Task): Promise<WorkerLane> {
    // What Node was started with is for the program that was started, not for this file.
    const options = { workerData: task, execArgv: [] };
    const worker = new Worker(new URL('./onnx-worker.js', import.meta.url), options);
    const lane = new WorkerLane(worker);
    await lane.#answer();
    return lane;
  }

  /** A thread that nobody waits for keeps no process alive. */
  async #answer(): Promise<Answer> {
    this.#worker.ref();
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#settle = { resolve, reject };
      });
    } finally {
      this.#settle = undefined;
      this.#worker.unref();
    }
  }

  async run(inputs: readonly Tensors[], step: number): Promise<readonly Tensors[]> {
    const answer = this.#answer();
    const copies = inputs.map(copied);
    this.#worker.postMessage({ step, inputs: copies } satisfies Job, buffersOf(copies));
    const given = await answer;
    if (given === 'ready') throw new Error('a thread of the engine answered out of turn');
    if ('failure' in given) throw new Error(given.failure);
    return given.results;
  }

  async dispose(): Promise<void> {
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.ref();
    this.#worker.postMessage('close' satisfies Job);
    await ended;
  }
}

/** What another thread takes over of tensors that it is sent. */
export function buffersOf(all: readonly Tensors[]): ArrayBuffer[] {
  return all.flatMap((tensors) => [...tensors.values()].map(({ data }) => data.buffer as ArrayBuffer));
}

/** Tensors for another thread to keep: a view would be sent with all that it is a view of. */
function copied(tensors: Tensors): Tensors {
  return new Map(
    [...tensors].map(([name, tensor]): [string, HostTensor] => [
      name,
      tensor.dtype === 'f32'
        ? { ...tensor, data: tensor.data.slice() }
        : { ...tensor, data: tensor.data.slice() },
    ]),
  );
}

/**
 * Runs the shards of a step side by side, each in a session of its own, and then what joins them. What it computes does not depend on how many
 * lanes there are: shards are the step's, and are joined in its order.
 */
export class ShardedExecutable implements Executable {
  readonly #shards: readonly Reads[];
  readonly #lanes: readonly Lane[];
  readonly #rest: OnnxExecutable;
  readonly #outputs: readonly string[];
  readonly products: Products;

  private constructor(
    shards: readonly Reads[],
    lanes: readonly Lane[],
    rest: OnnxExecutable,
    outputs: readonly string[],
    products: Products,
  ) {
    this.products = products;
    this.#shards = shards;
    this.#lanes = lanes;
    this.#rest = rest;
    this.#outputs = outputs;
  }

  /**
   * @param prepare a part of the step as a model
   * @param outputs of the step, in its order
   */
  static async open(
    runtime: OnnxRuntime,
    { shards, rest }: ShardedStep,
    prepare: (graph: Shard['graph']) => PreparedGraph,
    outputs: readonly string[],
    { lanes, options }: { readonly lanes: number; readonly options: InferenceSession.SessionOptions },
  ): Promise<ShardedExecutable> {
    const prepared = Array.from({ length: lanes }, (_, lane) =>
      shards.filter((_, i) => i % lanes === lane).map(({ graph }) => prepare(graph)),
    );
    const [own = [], ...others] = prepared;
    const first = await OwnLane.open(runtime, { prepared: own, options });
    const workers = await Promise.all(
      others.map((graphs) => WorkerLane.start({ prepared: graphs, options })),
    );
    const joined = await OnnxExecutable.open(runtime, prepare(rest), options);
    const products = sumOf([...prepared.flat(), { products: joined.products }]);
    return new ShardedExecutable(shards.map(readsOf), [first, ...workers], joined, outputs, products);
  }

  async run(inputs: Tensors, step: number): Promise<Tensors> {
    const count = this.#lanes.length;
    const given = this.#shards.map((shard) => shardInputs(shard, inputs));
    const of = (lane: number) => given.filter((_, i) => i % count === lane);
    // Other threads first: a run blocks this one.
    const others = this.#lanes.slice(1).map((lane, i) => lane.run(of(i + 1), step));
    const results = await Promise.all([this.#lanes[0]?.run(of(0), step) ?? [], ...others]);
    const found = new Map(results.flat().flatMap((tensors) => [...tensors]));
    // Outputs of the step are called as its inputs are, which the rest reads.
    const joined = await this.#rest.run(new Map([...found, ...inputs]), step);
    return new Map(
      this.#outputs.map((name) => {
        const tensor = joined.get(name) ?? found.get(name);
        if (tensor === undefined) throw new Error(`no shard gave '${name}'`);
        return [name, tensor];
      }),
    );
  }

  async dispose(): Promise<void> {
    for (const lane of this.#lanes) await lane.dispose();
    await this.#rest.dispose();
  }
}

function sumOf(parts: readonly { readonly products: Products }[]): Products {
  const sum = (of: (products: Products) => number) =>
    parts.reduce((total, { products }) => total + of(products), 0);
  return { all: sum(({ all }) => all), inIntegers: sum(({ inIntegers }) => inIntegers) };
}

/** What a shard reads: of these inputs all, of those its rows. */
interface Reads {
  readonly whole: readonly string[];
  readonly batch: readonly string[];
  readonly rows: Shard['rows'];
}

function readsOf({ graph, rows }: Shard): Reads {
  const inputs = graph.nodes.filter((node) => node.kind === 'input');
  const named = (isBatch: boolean) =>
    inputs.filter(({ role }) => (role === 'batch') === isBatch).map(({ input }) => input);
  return { whole: named(false), batch: named(true), rows };
}

function shardInputs({ whole, batch, rows: [from, to] }: Reads, inputs: Tensors): Tensors {
  const given = (names: readonly string[], of: (tensor: HostTensor) => HostTensor) =>
    names.flatMap((name) => {
      const tensor = inputs.get(name);
      return tensor === undefined ? [] : [[name, of(tensor)] as const];
    });
  return new Map([...given(whole, (t) => t), ...given(batch, (t) => rowsOf(t, from, to))]);
}

/** Rows of a batch, without a copy. */
function rowsOf(tensor: HostTensor, from: number, to: number): HostTensor {
  const [rows = 1, ...rest] = tensor.shape;
  const size = tensor.data.length / rows;
  const shape = [to - from, ...rest];
  return tensor.dtype === 'f32'
    ? { dtype: 'f32', shape, data: tensor.data.subarray(from * size, to * size) }
    : { dtype: 'i32', shape, data: tensor.data.subarray(from * size, to * size) };
}
