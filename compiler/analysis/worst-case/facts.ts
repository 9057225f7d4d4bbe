import type { KnownRounding, Range, RangeContext } from '../../ir/bound-rules.ts';
import type { Graph, InputNode, Node, OpNode, TensorType, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { normFrobenius } from '../../norms/entrywise.ts';
import { fromNumber, max, multiply, UNBOUNDED, ZERO } from '../../numeric/bound.ts';
import { magnitude, rootOf, tightened } from '../../ops/bounds/range.ts';
import { REGISTRY } from '../../ops/registry.ts';
import type { Domain } from './domain.ts';

/** What is known of every value of a graph before it runs. */
export interface Facts {
  readonly ranges: readonly Range[];
  /** The real value where it is known: materialized weights and views of them. */
  readonly known: readonly (NdArray | undefined)[];
  /** The rounding of known values where it is known too: of weights to nearest, and views of them. */
  readonly roundings: readonly (KnownRounding | undefined)[];
  /** The real value of everything at a named batch, where bounds are asked for one. */
  readonly point?: readonly NdArray[];
  memo<V>(value: Value, key: string, compute: () => V): V;
  readonly memos: Memos;
}

/** Facts about known tensors: the same tensor has the same norms in every graph that reads it, quantized or not. */
export type Memos = Map<NdArray, Map<string, unknown>>;

/** What several analyses of one state share: its tensors by name, and what was found out about them. */
export interface SharedTensors {
  readonly tensors: Map<string, NdArray | undefined>;
  readonly memos: Memos;
}

export function sharedTensors(): SharedTensors {
  return { tensors: new Map(), memos: new Map() };
}

/** What is known of the inputs of a graph. */
export interface InputFacts {
  range(input: InputNode): Range;
  /** The tensor itself, where it is materialized; its range is then read off. */
  known(input: InputNode): NdArray | undefined;
}

/** What replaces the rules' word on a value. */
export interface Refinement {
  readonly range: Range;
  readonly known: NdArray | undefined;
  /** Where it is known already; else what the rules say of it. */
  readonly rounding?: KnownRounding | undefined;
}

/**
 * Ranges of all values in one pass. Of a known tensor they are exact.
 * @param refine what is known of a value otherwise, in place of what the rules say
 * @param memos what other graphs have found out about the same tensors
 */
export function factsOf(
  graph: Graph,
  inputs: InputFacts,
  domain: Domain = 'meet',
  refine: (value: Value) => Refinement | undefined = () => undefined,
  memos: Memos = new Map(),
): Facts {
  const ranges: Range[] = [];
  const known: (NdArray | undefined)[] = [];
  const given: (KnownRounding | undefined)[] = [];
  /** Of values that are not known tensors. */
  const own = new Map<Value, Map<string, unknown>>();
  const memo = <V>(value: Value, key: string, compute: () => V): V => {
    const tensor = known[value];
    const shared = tensor === undefined ? own.get(value) : memos.get(tensor);
    const found = shared ?? new Map<string, unknown>();
    if (shared === undefined && tensor === undefined) own.set(value, found);
    else if (shared === undefined && tensor !== undefined) memos.set(tensor, found);
    if (!found.has(key)) found.set(key, compute());
    return found.get(key) as V;
  };
  graph.nodes.forEach((node, value) => {
    const refined = refine(value);
    const tensor = refined === undefined ? knownValue(node, inputs, known, memos) : refined.known;
    known.push(tensor);
    if (refined?.rounding !== undefined) given[value] = refined.rounding;
    const range = refined?.range ?? rangeOf(graph, node, tensor, ranges, known, memo, memos, inputs);
    const size = sizeOf(node.type.shape);
    ranges.push(restricted(tightened(range, size), size, domain));
  });
  const roundings: (KnownRounding | undefined)[] = [];
  if (domain === 'meet') {
    graph.nodes.forEach((node, value) => {
      const rounding =
        given[value] ??
        (node.kind === 'op' ? roundingOf(graph, node as OpNode, known, roundings, memos) : undefined);
      roundings.push(rounding);
    });
  }
  return { ranges, known, roundings, memo, memos };
}

function roundingOf<K extends OpName>(
  graph: Graph,
  { op, operands, attributes, type }: OpNode<K>,
  known: readonly (NdArray | undefined)[],
  roundings: readonly (KnownRounding | undefined)[],
  memos: Memos,
): KnownRounding | undefined {
  const { bounds } = REGISTRY[op];
  const [x, scale] = operands;
  if (x === undefined) return undefined;
  const before = roundings[x];
  const tensor = known[x];
  if (bounds.rounding !== undefined) {
    // Rounded twice, a weight is off by what its own quantizer cannot know.
    if (tensor === undefined || before !== undefined || scale === undefined) return undefined;
    const node = nodeOf(graph, scale);
    if (node.kind !== 'op' || node.op !== 'quantScale' || node.operands[0] !== x) return undefined;
    const round = (): KnownRounding | undefined => {
      const { attributes: ofScale, type: typeOfScale } = node;
      const context = { attributes: ofScale, operands: [tensor], type: typeOfScale, noise: noNoise };
      return bounds.rounding?.(tensor, REGISTRY.quantScale.evaluate(context as never), attributes);
    };
    const key = `rounding ${JSON.stringify([node.attributes, node.type.shape, attributes])}`;
    return once(memos, tensor, key, round);
  }
  if (bounds.known === undefined || before === undefined || op === 'quantizeStochastic') return undefined;
  const { known: view } = bounds;
  const { tensor: rounding, slack } = before;
  const viewed = once(memos, rounding, viewKey(op, attributes, type), () =>
    view([rounding], attributes, type),
  );
  return { tensor: viewed, slack };
}

/** The memo of a view of a tensor: one in all graphs, so that its norms are found once. */
function viewKey(op: OpName, attributes: unknown, type: TensorType): string {
  return `${op} ${JSON.stringify(attributes)} ${type.shape}`;
}

function noNoise(): never {
  throw new Error('a scale reads no noise');
}

/** In one domain a bound in the other norm is what follows from its own. */
function restricted(range: Range, size: number, domain: Domain): Range {
  switch (domain) {
    case 'meet':
      return range;
    case 'componentwise':
      return { ...range, norm2: multiply(rootOf(size), magnitude(range)) };
    case 'spectral':
      return { ...range, pos: range.norm2, neg: range.nonNegative ? ZERO : range.norm2 };
  }
}

function knownValue(
  node: Node,
  inputs: InputFacts,
  known: readonly (NdArray | undefined)[],
  memos: Memos,
): NdArray | undefined {
  switch (node.kind) {
    case 'input':
      return inputs.known(node);
    case 'constant':
      return node.data.length === 1 || node.data.length > MAX_CONSTANT
        ? undefined
        : { shape: node.type.shape, data: Float64Array.from(node.data) };
    case 'op':
      return viewOf(node as OpNode, known, memos);
  }
}

/** Constants with more numbers than this are known by their range alone. */
const MAX_CONSTANT = 2 ** 20;

function viewOf<K extends OpName>(
  { op, operands, attributes, type }: OpNode<K>,
  known: readonly (NdArray | undefined)[],
  memos: Memos,
): NdArray | undefined {
  const rule = REGISTRY[op].bounds.known;
  const [first] = operands;
  const operand = first === undefined ? undefined : known[first];
  if (rule === undefined || operand === undefined) return undefined;
  return once(memos, operand, viewKey(op, attributes, type), () => rule([operand], attributes, type));
}

function rangeOf(
  graph: Graph,
  node: Node,
  tensor: NdArray | undefined,
  ranges: readonly Range[],
  known: readonly (NdArray | undefined)[],
  memo: Facts['memo'],
  memos: Memos,
  inputs: InputFacts,
): Range {
  const facts: Facts = { ranges, known, roundings: [], memo, memos };
  if (tensor !== undefined) {
    const exact = exactlyOnce(tensor, memos);
    if (node.kind !== 'op') return exact;
    // What structure says of computed values is the op's to say: a quantized weight may be 0 where the weight is not.
    const { away, cap, nonNegative } = ruleRange(graph, node as OpNode, facts);
    return { ...exact, away, cap, nonNegative };
  }
  switch (node.kind) {
    case 'input':
      return inputs.range(node);
    case 'constant':
      return exactRange({
        shape: node.type.shape,
        data: Float64Array.from(node.data),
      });
    case 'op':
      return ruleRange(graph, node as OpNode, facts);
  }
}

function exactlyOnce(tensor: NdArray, memos: Memos): Range {
  return once(memos, tensor, 'range', () => exactRange(tensor));
}

/** A fact about a tensor, found out the first time. */
function once<V>(memos: Memos, tensor: NdArray, key: string, compute: () => V): V {
  const found = memos.get(tensor) ?? new Map<string, unknown>();
  memos.set(tensor, found);
  if (!found.has(key)) found.set(key, compute());
  return found.get(key) as V;
}

function ruleRange<K extends OpName>(graph: Graph, node: OpNode<K>, facts: Facts): Range {
  return REGISTRY[node.op].bounds.range(contextOf(graph, node, facts));
}

/** What a rule of one node sees of the facts. */
export function contextOf<K extends OpName>(graph: Graph, node: OpNode<K>, facts: Facts): RangeContext<K> {
  const at = (i: number): Value => {
    const value = node.operands[i];
    if (value === undefined) throw new Error(`${node.op} has no operand ${i}`);
    return value;
  };
  return {
    attributes: node.attributes,
    operands: node.operands,
    operandTypes: node.operands.map((value): TensorType => nodeOf(graph, value).type),
    type: node.type,
    range: (i) => {
      const range = facts.ranges[at(i)];
      if (range === undefined) throw new Error(`%${at(i)} is read before its range is known`);
      return range;
    },
    known: (i) => facts.known[at(i)],
    ...(facts.point === undefined ? {} : { at: (i: number) => facts.point?.[at(i)] }),
    memo: (i, key, compute) => facts.memo(at(i), key, compute),
    once: (tensor, key, compute) => once(facts.memos, tensor, key, compute),
  };
}

/** The range of a tensor whose elements are at hand; a splat stands for all elements. */
export function exactRange({ shape, data }: NdArray): Range {
  let pos = 0;
  let neg = 0;
  let away = Number.POSITIVE_INFINITY;
  for (const x of data) {
    if (x > pos) pos = x;
    else if (-x > neg) neg = -x;
    const magnitude = Math.abs(x);
    if (magnitude < away) away = magnitude;
  }
  const norm2 =
    data.length === 1 ? multiply(rootOf(sizeOf(shape)), fromNumber(Math.max(pos, neg))) : normFrobenius(data);
  return {
    pos: fromNumber(pos),
    neg: fromNumber(neg),
    norm2,
    // The computed value is the nearest float32.
    away: fromNumber(away * (1 - 2 ** -23)),
    cap: multiply(max(fromNumber(pos), fromNumber(neg)), fromNumber(1 + 2 ** -23)),
    nonNegative: neg === 0,
  };
}

/** An input of which nothing is known. */
export const UNKNOWN: Range = {
  pos: UNBOUNDED,
  neg: UNBOUNDED,
  norm2: UNBOUNDED,
  away: ZERO,
  cap: UNBOUNDED,
  nonNegative: false,
};
