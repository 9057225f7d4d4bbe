import type { PaperSignals } from '../../compiler/allocate/rules/paper.ts';
import type { ToleranceLayer } from '../../compiler/allocate/rules/tolerance.ts';
import type {
  Evaluate,
  ProbeBatch,
  ProbePoint,
  ProbeTensors,
} from '../../compiler/analysis/probability/index.ts';
import { signs } from '../../compiler/analysis/probability/signs.ts';
import { affineOf, analyseWorstCase, stepFunctionals } from '../../compiler/analysis/worst-case/index.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import { type Graph, nodeOf, sizeOf } from '../../compiler/ir/graph.ts';
import { prune } from '../../compiler/ir/prune.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import { autoSites } from '../../compiler/lower/levels.ts';
import { lookup } from '../../compiler/lower/lookup.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { toNumber } from '../../compiler/numeric/bound.ts';
import { F32 } from '../../compiler/numeric/format.ts';
import { inner } from '../../compiler/ops/algebra.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { lowered } from '../../runtime/auto/derive.ts';
import { SEED } from './naive-laws.ts';

/** The step of a spec with f32 at every site that is to be derived. */
export function exactProgram(spec: CheckedSpec): TrainingProgram {
  return lowered(spec, { formats: new Map(autoSites(spec).map(({ name }) => [name, F32])), why: '' });
}

/** The layers of the rules: tensors of weights. Biases are left out. */
export function weightsOf({ tensors }: TrainingProgram): readonly string[] {
  return tensors.flatMap(({ name }) => (name.endsWith('.weights') ? [name] : []));
}

/**
 * `H_ii·v` for every tensor of weights alone, from the inputs `direction:NAME`: the gradient of `⟨g_i, v⟩` in θ_i. The outputs `NAME.grad`
 * stay.
 */
export function curvatureGraph(program: TrainingProgram): Graph {
  const graph = program.stepWithGradients;
  const builder = newBuilder(graph.nodes);
  const gradients = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const outputs = weightsOf(program).map((name) => {
    const gradient = lookup(gradients, `${name}.grad`);
    const parameter = graph.nodes.findIndex((node) => node.kind === 'input' && node.input === name);
    const { type } = nodeOf(graph, parameter);
    const direction = builder.input(`direction:${name}`, 'batch', type);
    const along = inner(builder, gradient, direction);
    const [product = 0] = differentiate(builder, along, [parameter], ({ origin: { phase, span } }) => ({
      phase,
      span,
    }));
    return { name, value: product };
  });
  const kept = graph.outputs.filter(({ name }) => name.endsWith('.grad'));
  return prune(builder.build('curvature', [...kept, ...outputs]));
}

/** Hutchinson's probes of each curvature. */
const PROBES = 16;

/** Gradients and curvatures at one point. */
export interface Signals {
  /** Of each batch, by parameter. */
  readonly gradients: readonly ProbeTensors[];
  /** ‖H_ii‖_F of the mean loss over the batches, by tensor of weights. */
  readonly curvature: ReadonlyMap<string, number>;
}

/** `E ‖H_ii·v‖² = ‖H_ii‖_F²` for independent signs v: Hutchinson's estimate, of exact products. */
export async function signalsAt(
  program: TrainingProgram,
  graph: Graph,
  point: ProbePoint,
  batches: readonly ProbeBatch[],
  evaluate: Evaluate,
): Promise<Signals> {
  const names = weightsOf(program);
  const squares = new Map(names.map((name) => [name, 0]));
  const gradients: ProbeTensors[] = [];
  for (let probe = 0; probe < PROBES; probe++) {
    const directions = names.map((name) => {
      const { shape } = lookup(point, name);
      return [
        `direction:${name}`,
        { shape, data: signs(SEED, `curvature ${name}`, probe, sizeOf(shape)) },
      ] as const;
    });
    const results: ProbeTensors[] = [];
    for (const { tensors } of batches)
      results.push(await evaluate(graph, new Map([...point, ...tensors, ...directions]), 0));
    for (const name of names) {
      const square = squaredNorm(meanOf(results, name)) / PROBES;
      squares.set(name, lookup(squares, name) + square);
    }
    if (probe === 0) gradients.push(...results);
  }
  return { gradients, curvature: new Map([...squares].map(([name, square]) => [name, Math.sqrt(square)])) };
}

export function meanOf(results: readonly ProbeTensors[], name: string): Float64Array {
  const mean = new Float64Array(lookup(results[0] ?? new Map(), name).data.length);
  for (const result of results)
    lookup(result, name).data.forEach((x, i) => {
      mean[i] = (mean[i] ?? 0) + x / results.length;
    });
  return mean;
}

export function squaredNorm(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, x) => sum + x * x, 0);
}

/** The parameters of a program. */
export function parametersOf({ tensors }: TrainingProgram): readonly string[] {
  return tensors.flatMap(({ name, role }) => (role === 'parameter' ? [name] : []));
}

/** L_T: the slope of Φ_T at no error, in the 2-norm, along equal errors of all inputs, at the given parameters. */
export function gainOf(spec: CheckedSpec, program: TrainingProgram, point: ProbePoint): number {
  const parameters = parametersOf(program);
  const state = new Map(
    parameters.map((name) => {
      const { shape, data } = lookup(point, name);
      return [name, { shape, data: Float32Array.from(data) }] as const;
    }),
  );
  const { step } = analyseWorstCase(spec, program.plan, program, { state, references: ['real'] });
  return toNumber(affineOf(stepFunctionals(step).step, parameters).slope);
}

/** ‖g‖ of the mean loss over batches, or of one of them. */
export function gradientNorm(program: TrainingProgram, gradients: readonly ProbeTensors[]): number {
  const squares = parametersOf(program).map((name) => squaredNorm(meanOf(gradients, `${name}.grad`)));
  return Math.sqrt(squares.reduce((a, b) => a + b, 0));
}

/** What the published rule reads, with the gradient of the mean loss over the batches. */
export function paperSignals(
  program: TrainingProgram,
  point: ProbePoint,
  gain: number,
  { gradients, curvature }: Signals,
): PaperSignals {
  return {
    gain,
    gradientNorm: gradientNorm(program, gradients),
    layers: weightsOf(program).map((name) => ({
      curvature: lookup(curvature, name),
      parameterNorm: Math.sqrt(squaredNorm(lookup(point, name).data)),
      gradientNorm: Math.sqrt(squaredNorm(meanOf(gradients, `${name}.grad`))),
    })),
  };
}

/** What the repaired rule reads, with the variance over the batches. */
export function toleranceSignals(
  program: TrainingProgram,
  point: ProbePoint,
  { gradients, curvature }: Signals,
): readonly ToleranceLayer[] {
  const n = gradients.length;
  return weightsOf(program).map((name) => {
    const ofMean = squaredNorm(meanOf(gradients, `${name}.grad`));
    const all = gradients.reduce((sum, g) => sum + squaredNorm(lookup(g, `${name}.grad`).data), 0);
    const variance = (all - n * ofMean) / (n - 1);
    return {
      range: Array.from(lookup(point, name).data).reduce((most, x) => Math.max(most, Math.abs(x)), 0),
      curvature: lookup(curvature, name),
      gradientSquare: ofMean - variance / n,
      minibatchVariance: variance,
    };
  });
}

const RATE = 0.05;
const MOMENTUM = 0.9;

/** Gradient descent with momentum in f32 on the mean loss of the batches of each step. */
export class Descent {
  readonly #program: TrainingProgram;
  readonly #evaluate: Evaluate;
  readonly #batches: (step: number) => readonly ProbeBatch[];
  readonly #velocity = new Map<string, Float64Array>();
  #step = 0;
  point: ProbePoint;

  constructor(
    program: TrainingProgram,
    start: ProbePoint,
    batches: (step: number) => readonly ProbeBatch[],
    evaluate: Evaluate,
  ) {
    this.#program = program;
    this.point = start;
    this.#batches = batches;
    this.#evaluate = evaluate;
  }

  async until(step: number): Promise<ProbePoint> {
    for (; this.#step < step; this.#step++) {
      const results: ProbeTensors[] = [];
      for (const { tensors } of this.#batches(this.#step))
        results.push(
          await this.#evaluate(this.#program.stepWithGradients, new Map([...this.point, ...tensors]), 0),
        );
      const moved = parametersOf(this.#program).map((name) => {
        const gradient = meanOf(results, `${name}.grad`);
        const before = this.#velocity.get(name);
        const velocity = gradient.map((g, i) => MOMENTUM * (before?.[i] ?? 0) + g);
        this.#velocity.set(name, velocity);
        const { shape, data } = lookup(this.point, name);
        const next = Float32Array.from(data, (x: number, i: number) => x - RATE * (velocity[i] ?? 0));
        return [name, { shape, data: next }] as const;
      });
      this.point = new Map([...this.point, ...moved]);
    }
    return this.point;
  }
}
