import { type Graph, sizeOf } from '../../ir/graph.ts';
import type { Evaluate, ProbabilityOptions, ProbeTensor, ProbeTensors } from './contract.ts';
import type { Injection } from './injections.ts';
import type { Study } from './study.ts';

/** Options with their defaults. */
export type Settings = Required<ProbabilityOptions>;

export function settingsOf(options: ProbabilityOptions): Settings {
  const { passes = 16, switches = true } = options;
  return {
    probability: 0.99,
    nearest: 'uniform',
    seed: 0,
    step: 0,
    realSteps: switches ? passes : 0,
    ...options,
    passes,
    switches,
  };
}

/** One point and batch. */
export interface Pass {
  readonly inputs: ProbeTensors;
  /** Evaluates a graph here with further inputs, such as tangents. */
  run(graph: Graph, further?: ProbeTensors, step?: number): Promise<ProbeTensors>;
}

export function passOf(evaluate: Evaluate, given: readonly ProbeTensors[], step: number): Pass {
  const inputs = new Map(given.flatMap((tensors) => [...tensors]));
  return {
    inputs,
    run: (graph, further, at) =>
      evaluate(graph, further ? new Map([...inputs, ...further]) : inputs, at ?? step),
  };
}

/** Tangent inputs of the injections, zeros where nothing is injected. */
export function tangents(
  { points }: Study,
  injections: readonly Injection[],
  of: (injection: Injection) => Float32Array | undefined,
): ProbeTensors {
  const given = new Map(injections.map((x) => [x.point, of(x)]));
  return new Map(
    [...points].map(([name, shape]): [string, ProbeTensor] => [
      `tangent:${name}`,
      { shape, data: given.get(name) ?? new Float32Array(sizeOf(shape)) },
    ]),
  );
}
