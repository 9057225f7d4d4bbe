import type { Graph } from '../../ir/graph.ts';
import { lookup } from '../../lower/lookup.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import type { ProbeTensors, Quantity, Reference } from './contract.ts';
import { type Named, valuesGraph } from './linear.ts';
import type { Pass } from './pass.ts';
import { perturb } from './perturb.ts';
import { gradientOf, isLogits, parameterNames } from './study.ts';

/** What is compared where a prediction is confirmed: a step that rounds, and what it is measured against. */
export interface Observation {
  /** Outputs {@link observedNames} of the quantized step; under `exact:NAME` the reference's too where it depends on the draw. */
  readonly quantized: Graph;
  /** The reference, where it is the same for every draw. */
  readonly exact: Graph | undefined;
  readonly names: readonly string[];
}

/** The prefix of the reference's outputs in {@link Observation.quantized}. */
export const EXACT = 'exact:';

/**
 * The graphs that observe real errors. The exact gradient at a quantized point belongs to one draw of the forward pass, so that there one
 * graph computes both.
 */
export function observation(program: TrainingProgram, reference: Reference): Observation {
  const known = OBSERVATIONS.get(program) ?? new Map<Reference, Observation>();
  OBSERVATIONS.set(program, known);
  const found = known.get(reference) ?? observe(program, reference);
  known.set(reference, found);
  return found;
}

/** Made once for each program, so that an engine keeps what it made of the graphs from one batch to the next. */
const OBSERVATIONS = new WeakMap<TrainingProgram, Map<Reference, Observation>>();

function observe(program: TrainingProgram, reference: Reference): Observation {
  const graph = program.stepWithGradients;
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const names = [
    ...[...outputs.keys()].filter(isLogits),
    'loss',
    ...parameterNames(program).map((name) => `${name}.grad`),
    ...parameterNames(program),
  ];
  const { nodes, renamed } = perturb(graph, reference, (name) => program.plan.sites.has(name));
  const named = (prefix: string, of: (output: number) => number): readonly Named[] =>
    names.map((name) => ({ name: `${prefix}${name}`, value: of(lookup(outputs, name)) }));
  const quantized = named('', (value) => value);
  const exact = named(EXACT, renamed);
  if (reference === 'real')
    return { quantized: valuesGraph(nodes, quantized), exact: valuesGraph(nodes, exact), names };
  return { quantized: valuesGraph(nodes, [...quantized, ...exact]), exact: undefined, names };
}

/** The quantities that an output's error counts towards. */
export function quantitiesOfOutput(program: TrainingProgram, output: string): readonly Quantity[] {
  if (isLogits(output)) return ['logits'];
  if (output === 'loss') return ['loss'];
  const parameter = parameterNames(program).find((name) => output === `${name}.grad`);
  return parameter === undefined ? ['update'] : ['gradient', gradientOf(parameter)];
}

/** What real quantized steps did at one point and batch. */
export interface RealSteps {
  /** By quantity, the squared 2-norm of the error of each step. */
  readonly squares: ReadonlyMap<Quantity, Float64Array>;
  /** Outputs of the reference, under `exact:NAME`; of the last step where they depend on the draw. */
  readonly target: ProbeTensors;
}

/** Runs `draws` steps, each with noise of its own, from the noise step `first` on. */
export async function takeRealSteps(
  program: TrainingProgram,
  { quantized, exact, names }: Observation,
  pass: Pass,
  { draws, first }: { readonly draws: number; readonly first: number },
): Promise<RealSteps> {
  let target: ProbeTensors = exact ? await pass.run(exact) : new Map();
  const squares = new Map<Quantity, Float64Array>();
  for (let draw = 0; draw < draws; draw++) {
    const result = await pass.run(quantized, undefined, first + draw);
    target = exact ? target : result;
    for (const name of names) {
      const square = squaredDistance(lookup(result, name).data, lookup(target, EXACT + name).data);
      for (const quantity of quantitiesOfOutput(program, name)) {
        const sums = squares.get(quantity) ?? new Float64Array(draws);
        sums[draw] = (sums[draw] ?? 0) + square;
        squares.set(quantity, sums);
      }
    }
  }
  return { squares, target };
}

function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return sum;
}
