import {
  affineOf,
  type StepFunctionals,
  stepFunctionals,
  tensorName,
} from '../../compiler/analysis/worst-case/index.ts';
import type { Value } from '../../compiler/ir/graph.ts';
import { add, type Bound, multiply, sqrt, ZERO } from '../../compiler/numeric/bound.ts';
import type { StepAnalysis } from './analyse.ts';

/** L and Δ of one part of T, and the bound that the planned formats come to. */
export interface PartBound {
  readonly part: 'F' | 'B' | 'U' | 'T';
  /** What the part is a map of. */
  readonly from: string;
  readonly to: string;
  /** Tangent gain at no error, along equal errors of all inputs: first order, no bound. */
  readonly gain: Bound;
  /** Φ(0): what the part adds to inputs without error. */
  readonly local: Bound;
  /** The bound of the whole step up to here, in the 2-norm. */
  readonly bound: Bound;
}

export interface Composition {
  readonly functionals: StepFunctionals;
  readonly parts: readonly PartBound[];
}

/** `Φ_T = Φ_U ∘ Φ_B ∘ Φ_F` of an analysed step, in the 2-norm over the whole batch. */
export function compositionOf({ compiled, worst }: StepAnalysis): Composition {
  const { graph } = worst.step;
  const functionals = stepFunctionals(worst.step);
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const parameters = compiled.program.tensors
    .filter(({ role }) => role === 'parameter')
    .map(({ name }) => name);
  const logits = graph.outputs.filter(({ name }) => /^logits(#|$)/.test(name)).map(({ value }) => value);
  const gradients = parameters.flatMap((name) => outputs.get(`${name}.grad`) ?? []);
  const updated = parameters.flatMap((name) => outputs.get(name) ?? []);
  const given = (values: readonly Value[]): readonly string[] =>
    values.map((value) => tensorName(graph, value));
  const joined = (values: readonly Value[]): Bound =>
    norm(values.map((value) => worst.errors[value]?.two ?? ZERO));
  const part = (
    name: PartBound['part'],
    functional: StepFunctionals[keyof StepFunctionals],
    [from, to]: readonly [string, string],
    tensors: readonly string[],
    values: readonly Value[],
  ): PartBound => {
    const { slope, delta } = affineOf(functional, tensors);
    return { part: name, from, to, gain: slope, local: delta, bound: joined(values) };
  };
  const { forward, backward, update, step } = functionals;
  return {
    functionals,
    parts: [
      part('F', forward, ['parameters, batch', 'logits of the batch'], given(logits), logits),
      part('B', backward, ['what F hands on', 'gradient'], given(gradients), gradients),
      part('U', update, ['gradient, parameters, state', 'new parameters'], parameters, updated),
      part('T', step, ['parameters, state, batch', 'new parameters'], parameters, updated),
    ],
  };
}

function norm(parts: readonly Bound[]): Bound {
  return sqrt(parts.map((x) => multiply(x, x)).reduce(add, ZERO));
}
