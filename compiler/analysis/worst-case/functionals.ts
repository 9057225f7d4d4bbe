import { compose, identity, pair, select } from '../../functional/algebra.ts';
import { local } from '../../functional/apply.ts';
import { FunctionalBuilder } from '../../functional/builder.ts';
import type { Functional, NodeId } from '../../functional/functional.ts';
import { tangent } from '../../functional/tangent.ts';
import type { Errors } from '../../ir/bound-rules.ts';
import type { Graph, Phase, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import { type Bound, ONE, ZERO } from '../../numeric/bound.ts';
import { functionals } from './algebras.ts';
import { errorsOf } from './errors.ts';
import { type PreparedStep, passErrors } from './pass.ts';

/**
 * Φ_F, Φ_B and Φ_U over the tensors that pass between the phases, each with two names: its ∞-norm error `… ∞` and its 2-norm error `… ₂`.
 * Every stage also hands on what a later one reads, so that `Φ_T = Φ_U ∘ Φ_B ∘ Φ_F` is plain composition.
 */
export interface StepFunctionals {
  readonly forward: Functional;
  readonly backward: Functional;
  readonly update: Functional;
  /** The composition, from errors of parameters, state and batch to errors of the new parameters and state. */
  readonly step: Functional;
}

/** What the theory calls `Φ(ε) = L·ε + Δ`: the local error, and the tangent gain there. */
export interface Affine {
  /** Φ(0) in the 2-norm. */
  readonly delta: Bound;
  /** Slope at 0 along equal errors of all inputs: first order, no bound. */
  readonly slope: Bound;
}

const NORMS = ['∞', '₂'] as const;

function names(tensor: string): readonly [inf: string, two: string] {
  return [`${tensor} ${NORMS[0]}`, `${tensor} ${NORMS[1]}`];
}

/** A readable name for a value, unique in its graph. */
export function tensorName(graph: Graph, value: Value): string {
  const node = nodeOf(graph, value);
  if (node.kind === 'input') return node.input;
  const label = node.origin.name ?? (node.kind === 'op' ? node.op : 'constant');
  return `${label} %${value}`;
}

export function stepFunctionals(prepared: PreparedStep): StepFunctionals {
  const { graph } = prepared;
  const readBy = (phases: readonly Phase[], from: readonly Phase[]): readonly Value[] => {
    const read = new Set<Value>();
    for (const node of graph.nodes) {
      if (node.kind !== 'op' || !phases.includes(node.origin.phase)) continue;
      for (const operand of node.operands) if (isMade(graph, operand, from)) read.add(operand);
    }
    for (const { value } of graph.outputs) {
      if (from.includes('B') || !isMade(graph, value, ['F'])) continue;
      read.add(value);
    }
    return [...read].sort((a, b) => a - b);
  };
  const inputs = graph.nodes.flatMap((node) =>
    node.kind === 'input' && node.type.dtype === 'f32' ? [node.input] : [],
  );
  const afterForward = readBy(['B', 'U'], ['F']);
  const afterBackward = [...new Set([...readBy(['U'], ['B', 'F']), ...gradientsOf(graph)])].sort(
    (a, b) => a - b,
  );

  const forward = forwardFunctional(prepared, inputs, afterForward);
  const backward = phaseFunctional(prepared, inputs, afterForward, afterBackward, ['B']);
  const results = graph.outputs.filter(({ name }) => inputs.includes(name));
  const updateOutputs = results.map(({ name, value }) => [name, value] as const);
  const update = updateFunctional(prepared, inputs, afterBackward, updateOutputs);
  return { forward, backward, update, step: compose(update, backward, forward) };
}

function isMade(graph: Graph, value: Value, phases: readonly Phase[]): boolean {
  const node = nodeOf(graph, value);
  return node.kind === 'op' && phases.includes(node.origin.phase);
}

function gradientsOf(graph: Graph): readonly Value[] {
  return graph.outputs.flatMap(({ name, value }) =>
    name.endsWith('.grad') && nodeOf(graph, value).kind === 'op' ? [value] : [],
  );
}

function both(builder: FunctionalBuilder, tensor: string): Errors<NodeId> {
  const [inf, two] = names(tensor);
  return { inf: builder.input(inf), two: builder.input(two) };
}

function outputsOf(tensor: string, e: Errors<NodeId>): readonly (readonly [string, NodeId])[] {
  const [inf, two] = names(tensor);
  return [
    [inf, e.inf],
    [two, e.two],
  ];
}

function forwardFunctional(
  prepared: PreparedStep,
  inputs: readonly string[],
  results: readonly Value[],
): Functional {
  const builder = new FunctionalBuilder(inputs.flatMap(names));
  const errors = passErrors(prepared, {
    algebra: functionals(builder),
    input: (name) => (inputs.includes(name) ? both(builder, name) : undefined),
    phases: ['F'],
  });
  const outputs = results.flatMap((value) => {
    const e = errors[value];
    return e === undefined ? [] : outputsOf(tensorName(prepared.graph, value), e);
  });
  return pair(builder.build(outputs), identity(inputs.flatMap(names)));
}

/** B, or U, from what it reads. */
function phaseErrors(
  { graph, facts, domain }: PreparedStep,
  builder: FunctionalBuilder,
  inputs: readonly string[],
  given: readonly Value[],
  phases: readonly Phase[],
): readonly Errors<NodeId>[] {
  const read = new Set(given);
  return errorsOf(graph, {
    algebra: functionals(builder),
    facts,
    domain,
    only: (value) => read.has(value) || nodeOf(graph, value).kind !== 'op' || isMade(graph, value, phases),
    given: (value) => {
      const node = nodeOf(graph, value);
      if (read.has(value)) return both(builder, tensorName(graph, value));
      return node.kind === 'input' && inputs.includes(node.input) ? both(builder, node.input) : undefined;
    },
  });
}

function phaseFunctional(
  prepared: PreparedStep,
  inputs: readonly string[],
  given: readonly Value[],
  results: readonly Value[],
  phases: readonly Phase[],
): Functional {
  const { graph } = prepared;
  const read = given.map((value) => tensorName(graph, value));
  const builder = new FunctionalBuilder([...read, ...inputs].flatMap(names));
  const errors = phaseErrors(prepared, builder, inputs, given, phases);
  const outputs = results.flatMap((value) => {
    const e = errors[value];
    return e === undefined ? [] : outputsOf(tensorName(graph, value), e);
  });
  const made = builder.build(outputs);
  return pair(made, select(identity([...read, ...inputs].flatMap(names)), inputs.flatMap(names)));
}

function updateFunctional(
  prepared: PreparedStep,
  inputs: readonly string[],
  given: readonly Value[],
  results: readonly (readonly [name: string, value: Value])[],
): Functional {
  const read = given.map((value) => tensorName(prepared.graph, value));
  const builder = new FunctionalBuilder([...read, ...inputs].flatMap(names));
  const errors = phaseErrors(prepared, builder, inputs, given, ['U']);
  const outputs = results.flatMap(([name, value]) => {
    const e = errors[value];
    return e === undefined ? [] : outputsOf(name, e);
  });
  return builder.build(outputs);
}

/** L and Δ of the 2-norm of some outputs of a functional, as one vector. */
export function affineOf(functional: Functional, outputs: readonly string[]): Affine {
  const builder = new FunctionalBuilder(functional.inputs);
  const values = builder.inline(
    functional,
    new Map(functional.inputs.map((name) => [name, builder.input(name)])),
  );
  const nodes = outputs.map((tensor) => {
    const node = values.get(names(tensor)[1]);
    if (node === undefined) throw new Error(`the functional does not give '${tensor}'`);
    return node;
  });
  const joined = builder.build([['all', builder.norm(nodes)]]);
  const origin = new Map(joined.inputs.map((name) => [name, ZERO]));
  const direction = new Map(joined.inputs.map((name) => [name, ONE]));
  return {
    delta: local(joined).get('all') ?? ZERO,
    slope: tangent(joined, origin, { direction }).get('all')?.slope ?? ZERO,
  };
}
