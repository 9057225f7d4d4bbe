import type { Range, RangeContext } from '../../ir/bound-rules.ts';
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
  memo<V>(value: Value, key: string, compute: () => V): V;
}

/** What is known of the inputs of a graph. */
export interface InputFacts {
  range(input: InputNode): Range;
  /** The tensor itself, where it is materialized; its range is then read off. */
  known(input: InputNode): NdArray | undefined;
}

/** Ranges of all values in one pass. Of a known tensor they are exact. */
export function factsOf(graph: Graph, inputs: InputFacts, domain: Domain = 'meet'): Facts {
  const ranges: Range[] = [];
  const known: (NdArray | undefined)[] = [];
  const origins: Value[] = [];
  const memos = new Map<string, unknown>();
  const memo = <V>(value: Value, key: string, compute: () => V): V => {
    const name = `${origins[value] ?? value} ${key}`;
    if (!memos.has(name)) memos.set(name, compute());
    return memos.get(name) as V;
  };
  graph.nodes.forEach((node, value) => {
    const tensor = knownValue(node, inputs, known);
    known.push(tensor);
    // A quantized weight is, in real arithmetic, the weight: its norms are computed once.
    const sameAs = node.kind === 'op' && tensor !== undefined ? node.operands[0] : undefined;
    const shared =
      sameAs !== undefined && known[sameAs]?.data === tensor?.data && isAlike(known[sameAs], tensor);
    origins.push(shared ? (origins[sameAs ?? value] ?? value) : value);
    const range = rangeOf(graph, node, tensor, ranges, known, memo, inputs);
    ranges.push(restricted(tightened(range, sizeOf(node.type.shape)), sizeOf(node.type.shape), domain));
  });
  return { ranges, known, memo };
}

function isAlike(a: NdArray | undefined, b: NdArray | undefined): boolean {
  return a !== undefined && b !== undefined && a.shape.join() === b.shape.join();
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
): NdArray | undefined {
  switch (node.kind) {
    case 'input':
      return inputs.known(node);
    case 'constant':
      return node.data.length === 1 || node.data.length > MAX_CONSTANT
        ? undefined
        : { shape: node.type.shape, data: Float64Array.from(node.data) };
    case 'op':
      return viewOf(node as OpNode, known);
  }
}

/** Constants with more numbers than this are known by their range alone. */
const MAX_CONSTANT = 2 ** 20;

function viewOf<K extends OpName>(
  node: OpNode<K>,
  known: readonly (NdArray | undefined)[],
): NdArray | undefined {
  const rule = REGISTRY[node.op].bounds.known;
  if (rule === undefined) return undefined;
  const [first] = node.operands;
  const operand = first === undefined ? undefined : known[first];
  return operand && rule([operand], node.attributes, node.type);
}

function rangeOf(
  graph: Graph,
  node: Node,
  tensor: NdArray | undefined,
  ranges: readonly Range[],
  known: readonly (NdArray | undefined)[],
  memo: Facts['memo'],
  inputs: InputFacts,
): Range {
  if (tensor !== undefined) return exactRange(tensor);
  switch (node.kind) {
    case 'input':
      return inputs.range(node);
    case 'constant':
      return exactRange({
        shape: node.type.shape,
        data: Float64Array.from(node.data),
      });
    case 'op':
      return ruleRange(graph, node as OpNode, ranges, known, memo);
  }
}

function ruleRange<K extends OpName>(
  graph: Graph,
  node: OpNode<K>,
  ranges: readonly Range[],
  known: readonly (NdArray | undefined)[],
  memo: Facts['memo'],
): Range {
  return REGISTRY[node.op].bounds.range(contextOf(graph, node, { ranges, known, memo }));
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
    memo: (i, key, compute) => facts.memo(at(i), key, compute),
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
