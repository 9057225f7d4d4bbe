import type { ReferenceName } from '../certificate/certificate.ts';
import type { Errors, Range } from '../ir/bound-rules.ts';
import type { Graph, Value } from '../ir/graph.ts';
import { nodeOf } from '../ir/graph.ts';
import type { TrainingProgram } from '../lower/program.ts';
import { fromBound, rootOf, timesRoot, toBound } from './bounds-of-rules.ts';
import type { Dyadic } from './dyadic.ts';
import * as D from './dyadic.ts';
import { magnitudeOf } from './ranges.ts';
import { samplesIn, separableNodes } from './samples.ts';
import { FactsOfTensors, type Given, type Leaves, Walk } from './walk.ts';

export interface QuantityBounds {
  readonly error: Errors<Dyadic>;
  readonly range: Errors<Dyadic>;
}

/** Everything that was recomputed about one step. */
export interface RecomputedStep {
  /** Against the step in real arithmetic. */
  readonly walk: Walk;
  readonly bounds: Readonly<Record<ReferenceName, ReadonlyMap<string, QuantityBounds>>>;
}

const NO_ERROR: Errors<Dyadic> = { inf: D.ZERO, two: D.ZERO };

/**
 * Walks over F of one sample, over the whole step with what that says of F, and over the whole step at the values that F computes.
 * @param single the same step at a batch of one
 */
export function recomputeStep(program: TrainingProgram, single: Graph, leaves: Leaves): RecomputedStep {
  const graph = program.stepWithGradients;
  const facts = new FactsOfTensors();
  const end = separableNodes(graph, single);
  const sample = new Walk(single, leaves, facts, () => undefined, end);
  const walk = new Walk(graph, leaves, facts, (value) => ofSamples(graph, sample, value, end));
  const point = new Walk(graph, leaves, facts, (value) => computedForward(walk, value));
  return {
    walk,
    bounds: {
      real: quantities(program, walk, 'real', (value) => value < end),
      quantized_point: quantities(program, point, 'quantized_point', () => false),
    },
  };
}

/** Of a batch, from any one sample of it. */
function ofSamples(graph: Graph, sample: Walk, value: Value, end: number): Given | undefined {
  const node = nodeOf(graph, value);
  if (value >= end || node.kind !== 'op' || node.op === 'quantScale') return undefined;
  const samples = samplesIn(graph, sample.graph, value);
  const range = sample.range(value);
  const { inf, two } = sample.error(value);
  return {
    range: { ...range, norm2: toBound(timesRoot(fromBound(range.norm2), samples)) },
    known: sample.known(value),
    error: { inf, two: timesRoot(two, samples) },
  };
}

/** F as it is computed, taken as it is: no error, and the range of what is computed. */
function computedForward(walk: Walk, value: Value): Given | undefined {
  const node = nodeOf(walk.graph, value);
  if (node.kind !== 'op' || node.origin.phase !== 'F') return undefined;
  const range = walk.range(value);
  const { inf, two } = walk.error(value);
  const moved: Range = {
    ...range,
    pos: toBound(D.add(fromBound(range.pos), inf)),
    neg: range.nonNegative ? range.neg : toBound(D.add(fromBound(range.neg), inf)),
    norm2: toBound(D.add(fromBound(range.norm2), two)),
  };
  return { range: moved, known: D.isZero(inf) ? walk.known(value) : undefined, error: NO_ERROR };
}

function quantities(
  program: TrainingProgram,
  walk: Walk,
  reference: ReferenceName,
  bySample: (value: Value) => boolean,
): ReadonlyMap<string, QuantityBounds> {
  const outputs = new Map(walk.graph.outputs.map(({ name, value }) => [name, value]));
  const found = new Map<string, QuantityBounds>();
  const at = (value: Value): QuantityBounds => {
    const range = walk.range(value);
    return { error: walk.error(value), range: { inf: magnitudeOf(range), two: fromBound(range.norm2) } };
  };
  if (reference === 'real') {
    const logits = outputs.get('logits') ?? outputs.get('logits#1');
    const loss = outputs.get('loss');
    if (logits !== undefined) {
      const [batch = 1] = nodeOf(walk.graph, logits).type.shape;
      found.set('logits', bySample(logits) ? ofOneSample(at(logits), batch) : at(logits));
    }
    if (loss !== undefined) found.set('loss', at(loss));
  }
  const parameters = program.tensors.filter(({ role }) => role === 'parameter').map(({ name }) => name);
  const those = (names: readonly string[]): readonly (readonly [string, QuantityBounds])[] =>
    names.flatMap((name) => {
      const value = outputs.get(name);
      return value === undefined ? [] : [[name, at(value)] as const];
    });
  const gradients = those(parameters.map((name) => `${name}.grad`));
  const updates = those(parameters);
  if (gradients.length > 0) found.set('gradient', together(gradients.map(([, bounds]) => bounds)));
  for (const [name, bounds] of gradients) found.set(name, bounds);
  if (updates.length > 0) found.set('update', together(updates.map(([, bounds]) => bounds)));
  return found;
}

/** More than the root of a number, rounded up, is above it. */
const ABOVE = D.fromNumber(1 + 2 ** -50);

/** A batch's bound is that of any one sample of it times the root of their number. */
function ofOneSample({ error, range }: QuantityBounds, batch: number): QuantityBounds {
  const one = ({ inf, two }: Errors<Dyadic>): Errors<Dyadic> => ({
    inf,
    two: batch === 1 ? two : D.multiply(D.divide(two, rootOf(batch)), ABOVE),
  });
  return { error: one(error), range: one(range) };
}

/** Tensors as one vector. */
function together(parts: readonly QuantityBounds[]): QuantityBounds {
  const joined = (of: (part: QuantityBounds) => Errors<Dyadic>): Errors<Dyadic> => ({
    inf: parts.reduce((most, part) => D.max(most, of(part).inf), D.ZERO),
    two: D.sqrt(parts.reduce((sum, part) => D.add(sum, D.multiply(of(part).two, of(part).two)), D.ZERO)),
  });
  return { error: joined((part) => part.error), range: joined((part) => part.range) };
}
