import type {
  BoundStatement,
  Norms,
  ReferenceName,
  WeightNorms,
  WorstCaseStatement,
} from '../../certificate/certificate.ts';
import { namedProducts, namedQuantizers, namedTensors } from '../../certificate/names.ts';
import type { CheckedSpec } from '../../check/checked-spec.ts';
import type { Errors, Range } from '../../ir/bound-rules.ts';
import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import type { FloatTensors } from '../../ir/tensor.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { lowerSample } from '../../lower/training.ts';
import { formatBound } from '../../numeric/bound/decimal.ts';
import {
  add,
  type Bound,
  divide,
  fromNumber,
  max,
  multiply,
  sqrt,
  sqrtDown,
  ZERO,
} from '../../numeric/bound.ts';
import { quantizerStep } from '../../ops/bounds/quantization.ts';
import { NUMBERS } from '../worst-case/algebras.ts';
import { scaleSourceOf } from '../worst-case/errors.ts';
import type { Facts } from '../worst-case/facts.ts';
import { stepInputs } from '../worst-case/inputs.ts';
import { type PreparedStep, passErrors, pointFacts, prepareStep } from '../worst-case/pass.ts';
import { productsOf, weightNormsOf } from './coefficients.ts';

export interface WorstCaseOptions {
  readonly seed: number;
  /** The state that the certificate is about; the initial one by default. */
  readonly state?: FloatTensors;
}

/**
 * The worst case as a certificate states it: what a certifier can recompute, so without the adjoint domain. Weights that are known bring
 * their known roundings.
 */
export function worstCaseStatement(
  spec: CheckedSpec,
  program: TrainingProgram,
  options: WorstCaseOptions,
): { readonly statement: WorstCaseStatement; readonly materialized: boolean } {
  const inputs = stepInputs(spec, program, options);
  const step = prepareStep(program.stepWithGradients, rowsOf(lowerSample(spec, program.plan)), inputs, {
    adjoint: false,
  });
  const { graph, facts } = step;
  const errors = passErrors(step, { algebra: NUMBERS });
  const point = pointFacts(step, errors, inputs);
  const atPoint = passErrors(step, { algebra: NUMBERS, point });
  const ranges = [...namedTensors(graph)].map(([name, value]) => [name, norms(sizes(rangeAt(facts, value)))]);
  const quantizers = [...namedQuantizers(graph)].flatMap(([site, value]) => {
    const node = nodeOf(graph, value) as OpNode<'quantize' | 'quantizeStochastic'>;
    const source = scaleSourceOf(graph, node as OpNode);
    const found = quantizerStep(node.attributes.element, node.op === 'quantizeStochastic', source);
    return found ? [[site, { relative: decimal(found.relative), absolute: decimal(found.absolute) }]] : [];
  });
  const products = [...namedProducts(graph)].map(([name, value]) => {
    const { terms, gamma } = productsOf(graph, value);
    return [name, { terms, gamma: decimal(gamma) }];
  });
  const statement: WorstCaseStatement = {
    domain: 'meet',
    ranges: Object.fromEntries(ranges),
    coefficients: {
      quantizers: Object.fromEntries(quantizers),
      weights: Object.fromEntries(
        [...weightNormsOf(graph, facts)].map(([name, w]) => [name, weightNorms(w)]),
      ),
      products: Object.fromEntries(products),
    },
    bounds: {
      real: boundsOf(step, program, facts, errors, 'real'),
      quantized_point: boundsOf(step, program, point, atPoint, 'quantized_point'),
    },
  };
  return { statement, materialized: inputs.materialized };
}

/**
 * A step at a batch of one up to the first sum or moment over its samples, which is that of one sample there and says nothing of a batch's.
 */
function rowsOf(single: Graph): Graph {
  const ofBatch: boolean[] = [];
  const end = single.nodes.findIndex((node) => {
    const depends =
      node.kind === 'op'
        ? node.operands.some((x) => ofBatch[x])
        : node.kind === 'input' && node.role === 'batch';
    ofBatch.push(depends);
    if (!depends || node.kind !== 'op') return false;
    return (
      (node.op === 'sum' || node.op === 'variance' || node.op === 'standardize') &&
      node.attributes.axes.includes(0)
    );
  });
  return end < 0 ? single : { ...single, nodes: single.nodes.slice(0, end) };
}

function boundsOf(
  { graph, sample }: PreparedStep,
  program: TrainingProgram,
  facts: Facts,
  errors: readonly Errors<Bound>[],
  reference: ReferenceName,
): Readonly<Record<string, BoundStatement>> {
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  type Bounds = { readonly error: Errors<Bound>; readonly range: Errors<Bound> };
  const at = (value: Value): Bounds => {
    const error = errors[value];
    if (error === undefined) throw new Error(`%${value} was not analysed`);
    return { error, range: sizes(rangeAt(facts, value)) };
  };
  const all = (names: readonly string[]): readonly (readonly [string, Bounds])[] =>
    names.flatMap((name) => {
      const value = outputs.get(name);
      return value === undefined ? [] : [[name, at(value)] as const];
    });
  const concatenated = (parts: readonly (readonly [string, Bounds])[]): Bounds => {
    const joined = (of: (part: Bounds) => Errors<Bound>): Errors<Bound> => ({
      inf: parts.map(([, part]) => of(part).inf).reduce(max, ZERO),
      two: sqrt(parts.map(([, part]) => multiply(of(part).two, of(part).two)).reduce(add, ZERO)),
    });
    return { error: joined(({ error }) => error), range: joined(({ range }) => range) };
  };
  const parameters = program.tensors.filter(({ role }) => role === 'parameter').map(({ name }) => name);
  const gradients = all(parameters.map((name) => `${name}.grad`));
  const updates = all(parameters);
  const found = new Map<string, Bounds>();
  if (reference === 'real') {
    const logits = outputs.get('logits') ?? outputs.get('logits#1');
    if (logits !== undefined) {
      const [batch = 1] = nodeOf(graph, logits).type.shape;
      const rows = sample?.forward.counterpart.has(logits) ? batch : 1;
      const { error, range } = at(logits);
      found.set('logits', { error: ofOne(error, rows), range: ofOne(range, rows) });
    }
    for (const [name, bounds] of all(['loss'])) found.set(name, bounds);
  }
  if (gradients.length > 0) found.set('gradient', concatenated(gradients));
  for (const [name, bounds] of gradients) found.set(name, bounds);
  if (updates.length > 0) found.set('update', concatenated(updates));
  return Object.fromEntries(
    [...found].map(([name, { error, range }]) => [name, { error: norms(error), range: norms(range) }]),
  );
}

function rangeAt(facts: Facts, value: Value): Range {
  const range = facts.ranges[value];
  if (range === undefined) throw new Error(`%${value} was not analysed`);
  return range;
}

function sizes({ pos, neg, norm2 }: Range): Errors<Bound> {
  return { inf: max(pos, neg), two: norm2 };
}

/** A batch's bound is the root of its samples times that of any one of them. */
function ofOne({ inf, two }: Errors<Bound>, samples: number): Errors<Bound> {
  return { inf, two: divide(two, sqrtDown(fromNumber(samples))) };
}

function norms({ inf, two }: Errors<Bound>): Norms {
  return { inf: decimal(inf), two: decimal(two) };
}

function weightNorms(w: { readonly [K in keyof WeightNorms]: Bound }): WeightNorms {
  const { inf, two, two_to_inf, one } = w;
  return { inf: decimal(inf), two: decimal(two), two_to_inf: decimal(two_to_inf), one: decimal(one) };
}

/** Digits enough that two roundings of one bound are told from two bounds. */
function decimal(bound: Bound): string {
  return formatBound(bound, 15);
}
