import type {
  Evaluate,
  ProbeBatch,
  ProbePoint,
  ProbeTensors,
} from '../../../compiler/analysis/probability/index.ts';
import type { Graph } from '../../../compiler/ir/graph.ts';
import { ndarray } from '../../../compiler/ir/ndarray.ts';
import type { TrainingProgram } from '../../../compiler/lower/program.ts';
import { evaluate } from '../../../compiler/ops/evaluate.ts';
import { poolNoises } from '../../../compiler/ops/pool-noise.ts';
import { compileText, type SmallSpec, specText } from '../../support/compile.ts';
import { hyper, randomBatch, startingState } from '../../support/run-program.ts';

/** A convolution, a pooling and two dense layers: every kind of site and switch. */
export const CNN = `x |> conv(4, kernel: 3, stride: 2) as c1 |> relu |> maxpool(2)
  |> flatten |> dense(24) as f1 |> relu |> dense(10) as f2`;
export const MLP = 'x |> flatten |> dense(32) as f1 |> relu |> dense(32) as f2 |> relu |> dense(10) as f3';

/** Every site at one width, rounding stochastically. */
export function widths(bits: number): string {
  return `weights: int${bits} per channel stochastic
    activations: int${bits} stochastic
    gradients: int${bits} stochastic`;
}

export function programOf(spec: SmallSpec): TrainingProgram {
  return compileText(specText(spec)).program;
}

/** The float64 reference evaluator. */
export function referenceEvaluate(seed = 1): Evaluate {
  const noises = new WeakMap<Graph, ReturnType<typeof poolNoises>>();
  return async (graph, inputs, step) => {
    const noise = noises.get(graph) ?? poolNoises(graph, seed);
    noises.set(graph, noise);
    const given = new Map([...inputs].map(([name, { shape, data }]) => [name, ndarray(shape, data)]));
    return evaluate(graph, given, noise(step)) satisfies ProbeTensors;
  };
}

export interface Situation {
  readonly program: TrainingProgram;
  readonly point: ProbePoint;
  readonly batch: ProbeBatch;
}

/** Initial parameters with small biases, so that no pre-activation is exactly 0, and one random batch. */
export function situation(spec: SmallSpec, seed: number): Situation {
  const program = programOf(spec);
  const state = startingState(program, seed);
  for (const [name, tensor] of state) {
    if (name.endsWith('.bias')) tensor.data.set(tensor.data.map((_, i) => 0.05 * Math.sin(i + seed)));
  }
  return {
    program,
    point: new Map([...state, ...hyper(program, 0.1)]),
    batch: { name: `random ${seed}`, tensors: randomBatch(program, seed) },
  };
}

/** The one entry that a test asked for. */
export function only<T>(items: readonly T[]): T {
  const [item, ...rest] = items;
  if (item === undefined || rest.length > 0) throw new Error(`${items.length} items where one was expected`);
  return item;
}
