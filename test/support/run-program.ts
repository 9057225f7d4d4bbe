import type { Graph } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { evaluate } from '../../compiler/ops/evaluate.ts';
import { poolNoise } from '../../compiler/ops/pool-noise.ts';
import { initialState } from '../../runtime/train/state.ts';

/** Float64 tensors by name. */
export type Arrays = Map<string, NdArray>;

/** Initial state of a program. */
export function startingState(program: TrainingProgram, seed = 1): Arrays {
  return new Map(
    [...initialState(program, seed)].map(([name, { shape, data }]) => [name, ndarray(shape, data)]),
  );
}

/** A batch drawn from a seed: x uniform in [0, 1), classes round robin. */
export function randomBatch(program: TrainingProgram, seed = 1): Arrays {
  const shape = [program.batch, ...program.sampleShape];
  const size = shape.reduce((a, b) => a * b, 1);
  const labels = Array.from({ length: program.batch }, (_, i) => (i + seed) % program.target.count);
  return new Map([
    ['x', ndarray(shape, uniforms(seed, 'batch', 0, size))],
    ['labels', ndarray([program.batch], labels)],
  ]);
}

/** Learning rate and bias corrections of the first step. */
export function hyper(program: TrainingProgram, lr: number, step = 1): Arrays {
  return new Map(
    program.hyper.map((h) => [h.name, ndarray([], [h.kind === 'schedule' ? lr : 1 / (1 - h.beta ** step)])]),
  );
}

/** Runs a graph in the reference evaluator with the noise of (seed 1, step). */
export function run(graph: Graph, ...inputs: readonly ReadonlyMap<string, NdArray>[]): Arrays {
  const all = new Map(inputs.flatMap((m) => [...m]));
  return new Map(evaluate(graph, all, poolNoise(graph, 1, 0)));
}

export function get(arrays: ReadonlyMap<string, NdArray>, name: string): NdArray {
  const array = arrays.get(name);
  if (!array) throw new Error(`no '${name}' among ${[...arrays.keys()].join(', ')}`);
  return array;
}

/** The largest absolute difference between two tensors of one shape. */
export function distance(a: NdArray, b: NdArray): number {
  if (a.data.length !== b.data.length) return Number.POSITIVE_INFINITY;
  return a.data.reduce((max, x, i) => Math.max(max, Math.abs(x - (b.data[i] ?? Number.NaN))), 0);
}
