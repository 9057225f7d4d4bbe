import type { ErrorAlgebra, Errors, ErrorTerms } from '../../ir/bound-rules.ts';
import type { Graph, Phase, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import type { Slopes } from '../../ir/slopes.ts';
import { add, type Bound, ONE } from '../../numeric/bound.ts';
import { rootOf } from '../../ops/bounds/range.ts';
import { gained, noError } from '../../ops/bounds/terms.ts';
import { adjointErrors } from './adjoint.ts';
import type { Domain } from './domain.ts';
import { errorsOf } from './errors.ts';
import {
  type Facts,
  factsOf,
  type InputFacts,
  type Refinement,
  type SharedTensors,
  sharedTensors,
} from './facts.ts';
import { batchRange, type SampleForward, sampleForward, samplesIn } from './forward.ts';
import { slopesOf } from './jacobian.ts';

/** A step made ready for passes of errors: its ranges, those of one sample, and the slopes of the logits. */
export interface PreparedStep {
  readonly graph: Graph;
  readonly facts: Facts;
  readonly domain: Domain;
  /** F of one sample; undefined where batch norm couples samples. */
  readonly sample: { readonly forward: SampleForward; readonly facts: Facts } | undefined;
  /** Bounds that are known otherwise of values of one sample, by their counterpart. */
  readonly limits?: ReadonlyMap<Value, Errors<Bound>>;
  /** Slopes of the logits in the values of F of one sample, or why there are none. */
  readonly adjoint:
    | { readonly slopes: ReadonlyMap<Value, Slopes>; readonly logits: Value }
    | { readonly slopes: undefined; readonly reason: 'batch norm' | 'weights' | OpName };
}

export interface PrepareOptions {
  readonly domain?: Domain;
  /** Whether the third domain is used where it can be; by default in the meet. */
  readonly adjoint?: boolean;
  /** Where several steps with the same inputs are prepared, of other formats for instance. */
  readonly shared?: SharedTensors;
}

/**
 * Ranges in one pass over the sample and one over the step.
 * @param step the whole step, its gradients among the outputs
 * @param single the same step at a batch of one
 */
export function prepareStep(
  step: Graph,
  single: Graph,
  given: InputFacts & { readonly materialized: boolean },
  { domain = 'meet', adjoint = domain === 'meet', shared = sharedTensors() }: PrepareOptions = {},
): PreparedStep {
  const inputs = { ...given, known: onceEach((input) => given.known(input), shared.tensors) };
  const forward = sampleForward(step, single);
  if (forward === undefined) {
    const facts = factsOf(step, inputs, domain, undefined, shared.memos);
    return { graph: step, facts, domain, sample: undefined, adjoint: none('batch norm') };
  }
  const sampleFacts = factsOf(single, inputs, domain, undefined, shared.memos);
  const refine = (value: Value): Refinement | undefined => {
    const twin = forward.counterpart.get(value);
    const range = twin === undefined ? undefined : sampleFacts.ranges[twin];
    if (twin === undefined || range === undefined) return undefined;
    return {
      range: batchRange(range, samplesIn(step, value, single, twin)),
      known: sampleFacts.known[twin],
      rounding: sampleFacts.roundings[twin],
    };
  };
  const facts = factsOf(step, inputs, domain, refine, sampleFacts.memos);
  const sample = { forward, facts: sampleFacts };
  if (!adjoint || !inputs.materialized) {
    return { graph: step, facts, domain, sample, adjoint: none('weights') };
  }
  const x = single.nodes.findIndex((node) => node.kind === 'input' && node.input === 'x');
  const logits = single.outputs.find(({ name }) => name === 'logits')?.value ?? -1;
  if (x < 0 || logits < 0 || nodeOf(single, logits).type.shape.length !== 2) {
    return { graph: step, facts, domain, sample, adjoint: none('weights') };
  }
  const { slopes, unsupported } = slopesOf(single, sampleFacts, x, logits);
  const found = slopes === undefined ? none(unsupported) : { slopes, logits };
  return { graph: step, facts, domain, sample, adjoint: found };
}

/** Each tensor made once for all graphs that read it. */
function onceEach(known: InputFacts['known'], made: SharedTensors['tensors']): InputFacts['known'] {
  return (input) => {
    if (!made.has(input.input)) made.set(input.input, known(input));
    return made.get(input.input);
  };
}

export function none(reason: 'batch norm' | 'weights' | OpName): {
  readonly slopes: undefined;
  readonly reason: typeof reason;
} {
  return { slopes: undefined, reason };
}

export interface PassOptions<T> {
  readonly algebra: ErrorAlgebra<T>;
  /** The error of an input of the graph; none by default. Of one sample where the input is a batch. */
  readonly input?: (name: string) => Errors<T> | undefined;
  /** See {@link errorsOf}; values are those of the whole step, those of one sample's F by their counterpart. */
  readonly terms?: (value: Value, terms: ErrorTerms<T>) => ErrorTerms<T>;
  /** Phases to analyse, all by default; values of the others have no error here. */
  readonly phases?: readonly Phase[];
  /** Whether weights that are known bring their known roundings; by default where no input has an error. */
  readonly knownRoundings?: boolean;
  /** F is taken as computed, with these facts about it: the reference is the exact gradient at the quantized point. */
  readonly point?: Facts;
}

/** Errors of every value of the step. */
export function passErrors<T>(step: PreparedStep, options: PassOptions<T>): readonly Errors<T>[] {
  const { algebra, input, terms = (_, t) => t, point, phases } = options;
  const wanted =
    phases &&
    ((value: Value) =>
      nodeOf(step.graph, value).kind !== 'op' || phases.includes(nodeOf(step.graph, value).origin.phase));
  const only = wanted === undefined ? {} : { only: wanted };
  const { graph, facts, domain, sample } = step;
  const givenInput = (g: Graph, value: Value): Errors<T> | undefined => {
    const node = nodeOf(g, value);
    return node.kind === 'input' ? input?.(node.input) : undefined;
  };
  const zero = noError(algebra);
  const { knownRoundings = input === undefined } = options;
  if (sample === undefined || point !== undefined) {
    return errorsOf(graph, {
      algebra,
      facts: point ?? facts,
      domain,
      knownRoundings,
      terms,
      ...only,
      given: (value) => (point && isForward(graph, value) ? zero : givenInput(graph, value)),
    });
  }
  const { forward } = sample;
  const back = new Map([...forward.counterpart].map(([value, twin]) => [twin, value]));
  const known = new Map<Value, ErrorTerms<T>>();
  const single = forward.graph;
  const sampleErrors = [
    ...errorsOf(single, {
      algebra,
      facts: sample.facts,
      domain,
      knownRoundings,
      limit: (twin) => step.limits?.get(twin),
      only: (twin) => back.has(twin) || nodeOf(single, twin).kind !== 'op' || isScale(single, twin),
      given: (twin) => givenInput(single, twin),
      terms: (twin, own) => {
        const value = back.get(twin);
        const renamed = value === undefined ? own : terms(value, own);
        // Held for the adjoint alone: the terms of a deep net are most of what an analysis keeps in memory.
        if (step.adjoint.slopes?.has(twin)) known.set(twin, renamed);
        return renamed;
      },
    }),
  ];
  if (step.adjoint.slopes !== undefined) {
    const { slopes, logits } = step.adjoint;
    const given = (value: Value): Errors<T> => sampleErrors[value] ?? zero;
    const adjoint = adjointErrors(single, algebra, slopes, (value) => known.get(value), given);
    const met = sampleErrors[logits] ?? zero;
    sampleErrors[logits] = {
      inf: algebra.min([met.inf, adjoint.inf]),
      two: algebra.min([met.two, adjoint.two]),
    };
  }
  return errorsOf(graph, {
    algebra,
    facts,
    domain,
    knownRoundings,
    terms,
    ...only,
    given: (value) => {
      const twin = forward.counterpart.get(value);
      if (twin === undefined) return scaledInput(givenInput(graph, value), graph, single, value, algebra);
      const e = sampleErrors[twin];
      const samples = samplesIn(graph, value, single, twin);
      return e && (samples === 1 ? e : gained(algebra, e, ONE, rootOf(samples)));
    },
  });
}

function isForward(graph: Graph, value: Value): boolean {
  const node = nodeOf(graph, value);
  return node.kind === 'op' && node.origin.phase === 'F';
}

/** Facts about the step at the values that F computes: ranges and weights with their errors. */
export function pointFacts(
  { graph, facts, domain }: PreparedStep,
  errors: readonly Errors<Bound>[],
  inputs: InputFacts,
): Facts {
  const known = new Map(
    graph.nodes.flatMap((node, value) =>
      node.kind === 'input' ? [[node.input, facts.known[value]] as const] : [],
    ),
  );
  const same: InputFacts = { range: (input) => inputs.range(input), known: ({ input }) => known.get(input) };
  const refine = (value: Value): Refinement | undefined => {
    const range = facts.ranges[value];
    const e = errors[value];
    if (!isForward(graph, value) || range === undefined || e === undefined) return undefined;
    const exact = e.inf.mantissa === 0;
    const { pos, neg, norm2, nonNegative } = range;
    const moved = {
      ...range,
      pos: add(pos, e.inf),
      neg: nonNegative ? neg : add(neg, e.inf),
      norm2: add(norm2, e.two),
    };
    return { range: moved, known: exact ? facts.known[value] : undefined };
  };
  return factsOf(graph, same, domain, refine, facts.memos);
}

function isScale(graph: Graph, value: Value): boolean {
  const node = nodeOf(graph, value);
  return node.kind === 'op' && node.op === 'quantScale';
}

/** The error of a batch input is given for one sample. */
function scaledInput<T>(
  e: Errors<T> | undefined,
  graph: Graph,
  single: Graph,
  value: Value,
  algebra: ErrorAlgebra<T>,
): Errors<T> | undefined {
  const node = nodeOf(graph, value);
  if (e === undefined || node.kind !== 'input' || node.role !== 'batch') return e;
  const twin = single.nodes.findIndex((other) => other.kind === 'input' && other.input === node.input);
  return gained(algebra, e, ONE, rootOf(samplesIn(graph, value, single, twin)));
}
