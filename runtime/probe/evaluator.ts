import type { Evaluate, ProbeTensor, ProbeTensors } from '../../compiler/analysis/probability/index.ts';
import type { Graph } from '../../compiler/ir/graph.ts';
import {
  type Engine,
  EngineUnavailable,
  type Executable,
  type HostTensor,
  type Tensors,
} from '../engines/engine.ts';
import { createOnnxEngine } from '../engines/onnx.ts';
import { createReferenceEngine } from '../engines/reference.ts';

/** Evaluates graphs of the analysis on an engine, each made ready once. */
export interface Evaluator {
  readonly evaluate: Evaluate;
  /** Milliseconds spent in runs and in making graphs ready, and how many there were. */
  readonly spent: { runs: number; runMs: number; loads: number; loadMs: number };
  dispose(): Promise<void>;
}

/** The onnx engine where it loads, the float64 reference evaluator where it does not. */
export async function probeEngine(threads?: number): Promise<Engine> {
  try {
    return await createOnnxEngine(threads === undefined ? {} : { threads });
  } catch (cause) {
    if (cause instanceof EngineUnavailable) return createReferenceEngine();
    throw cause;
  }
}

/** @param seed of the noise streams that a graph reads */
export function evaluatorOn(engine: Engine, seed = 0): Evaluator {
  const loaded = new Map<Graph, Promise<Executable>>();
  const spent = { runs: 0, runMs: 0, loads: 0, loadMs: 0 };
  const executableOf = async (graph: Graph): Promise<Executable> => {
    const known = loaded.get(graph);
    if (known) return known;
    const start = performance.now();
    const made = engine.load(graph, { seed });
    loaded.set(graph, made);
    await made;
    spent.loads++;
    spent.loadMs += performance.now() - start;
    return made;
  };
  return {
    spent,
    evaluate: async (graph, inputs, step) => {
      const executable = await executableOf(graph);
      const given = feeds(graph, inputs);
      const start = performance.now();
      const result = await executable.run(given, step);
      spent.runs++;
      spent.runMs += performance.now() - start;
      return result satisfies ProbeTensors;
    },
    dispose: async () => {
      for (const executable of loaded.values()) await (await executable).dispose();
      loaded.clear();
    },
  };
}

/** The inputs that a graph has, as an engine takes them. */
function feeds(graph: Graph, inputs: ProbeTensors): Tensors {
  return new Map(
    graph.nodes.flatMap((node) => {
      const given = node.kind === 'input' ? inputs.get(node.input) : undefined;
      return node.kind === 'input' && given
        ? [[node.input, hostTensor(given, node.type.dtype)] as const]
        : [];
    }),
  );
}

function hostTensor({ shape, data }: ProbeTensor, dtype: 'f32' | 'i32'): HostTensor {
  if (dtype === 'i32')
    return { dtype, shape, data: data instanceof Int32Array ? data : Int32Array.from(data) };
  return { dtype, shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}
