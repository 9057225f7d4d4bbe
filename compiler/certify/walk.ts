import type {
  ErrorContext,
  Errors,
  KnownRounding,
  Range,
  RangeContext,
  ScaleSource,
} from '../ir/bound-rules.ts';
import type { Graph, InputNode, OpNode, Value } from '../ir/graph.ts';
import { nodeOf, sizeOf } from '../ir/graph.ts';
import type { NdArray } from '../ir/ndarray.ts';
import type { OpName } from '../ir/op-attributes.ts';
import { REGISTRY } from '../ops/registry.ts';
import { ARITHMETIC, fromBound, timesRoot } from './bounds-of-rules.ts';
import type { Dyadic } from './dyadic.ts';
import * as D from './dyadic.ts';
import { implied, magnitudeOf, rangeOfElements } from './ranges.ts';

/** What is known of the inputs of a graph. */
export interface Leaves {
  range(input: InputNode): Range;
  /** The tensor itself, the same object whenever it is asked for. */
  known(input: InputNode): NdArray | undefined;
}

/** What is known of a value from elsewhere, in place of what its rule would say. */
export interface Given {
  readonly range: Range;
  readonly known: NdArray | undefined;
  readonly error: Errors<Dyadic>;
}

/** One value, as far as the walk has come. */
interface Visited {
  readonly range: Range;
  readonly known: NdArray | undefined;
  /** What rounding did to a value that is known. */
  readonly rounded: KnownRounding | undefined;
  readonly error: Errors<Dyadic>;
}

const NO_ERROR: Errors<Dyadic> = { inf: D.ZERO, two: D.ZERO };

/** Constants with more numbers than this are known by their range alone. */
const MAX_CONSTANT = 2 ** 20;

/**
 * Ranges and errors of the values of a graph, node after node, by the rules of the registry. Both norms are carried, and each is what the
 * other allows. No adjoint is taken: each value is judged by its operands alone.
 */
export class Walk {
  readonly graph: Graph;
  readonly #leaves: Leaves;
  readonly #facts: FactsOfTensors;
  readonly #visited: Visited[] = [];

  constructor(
    graph: Graph,
    leaves: Leaves,
    facts: FactsOfTensors,
    given: (value: Value) => Given | undefined,
    end = graph.nodes.length,
  ) {
    this.graph = graph;
    this.#leaves = leaves;
    this.#facts = facts;
    for (let value = 0; value < end; value++) this.#visited.push(this.#visit(value, given(value)));
  }

  range(value: Value): Range {
    return this.#at(value).range;
  }

  known(value: Value): NdArray | undefined {
    return this.#at(value).known;
  }

  error(value: Value): Errors<Dyadic> {
    return this.#at(value).error;
  }

  #at(value: Value): Visited {
    const visited = this.#visited[value];
    if (visited === undefined) throw new Error(`%${value} was not visited`);
    return visited;
  }

  #visit(value: Value, given: Given | undefined): Visited {
    const node = nodeOf(this.graph, value);
    const size = sizeOf(node.type.shape);
    switch (node.kind) {
      case 'input': {
        const known = this.#leaves.known(node);
        const range = known === undefined ? this.#leaves.range(node) : rangeOfElements(known);
        return { range: implied(range, size), known, rounded: undefined, error: NO_ERROR };
      }
      case 'constant': {
        const tensor = { shape: node.type.shape, data: Float64Array.from(node.data) };
        const known = node.data.length === 1 || node.data.length > MAX_CONSTANT ? undefined : tensor;
        const off = node.data.reduce((most, x) => Math.max(most, Math.abs(Math.fround(x) - x)), 0);
        const inf = D.fromNumber(off);
        const error = { inf, two: timesRoot(inf, size) };
        return { range: implied(rangeOfElements(tensor), size), known, rounded: undefined, error };
      }
      case 'op': {
        const op = node as OpNode;
        const rounded = this.#roundedOf(op);
        if (given !== undefined) return { ...given, range: implied(given.range, size), rounded };
        const known = this.#knownOf(op);
        const ruled = this.#ruledRange(op);
        // What structure says of computed values stands: a quantized weight may be 0 where the weight is not.
        const { away, cap, nonNegative } = ruled;
        const range = implied(known ? { ...rangeOfElements(known), away, cap, nonNegative } : ruled, size);
        return { range, known, rounded, error: this.#errorOf(op, range) };
      }
    }
  }

  #operand(node: OpNode, i: number): Value {
    const value = node.operands[i];
    if (value === undefined) throw new Error(`${node.op} has no operand ${i}`);
    return value;
  }

  #context<K extends OpName>(node: OpNode<K>): RangeContext<K> {
    const at = (i: number): Visited => this.#at(this.#operand(node as OpNode, i));
    return {
      attributes: node.attributes,
      operands: node.operands,
      operandTypes: node.operands.map((operand) => nodeOf(this.graph, operand).type),
      type: node.type,
      range: (i) => at(i).range,
      known: (i) => at(i).known,
      memo: (i, key, compute) => this.#facts.get(at(i).known, key, compute),
      once: (tensor, key, compute) => this.#facts.get(tensor, key, compute),
    };
  }

  #ruledRange<K extends OpName>(node: OpNode<K>): Range {
    return REGISTRY[node.op].bounds.range(this.#context(node));
  }

  #errorOf<K extends OpName>(node: OpNode<K>, result: Range): Errors<Dyadic> {
    const context: ErrorContext<K, Dyadic> = {
      ...this.#context(node),
      algebra: ARITHMETIC,
      result,
      error: (i) => this.#at(this.#operand(node as OpNode, i)).error,
      rounding: (i) => this.#at(this.#operand(node as OpNode, i)).rounded,
      scale: scaleOf(this.graph, node as OpNode),
    };
    const { through, local } = REGISTRY[node.op].bounds.error(context);
    const all = [...through, local];
    const inf = all.reduce((sum, e) => D.add(sum, e.inf), D.ZERO);
    const two = all.reduce((sum, e) => D.add(sum, e.two), D.ZERO);
    return limited({ inf, two }, result, sizeOf(node.type.shape));
  }

  #knownOf<K extends OpName>(node: OpNode<K>): NdArray | undefined {
    const rule = REGISTRY[node.op].bounds.known;
    const [first] = node.operands;
    const operand = first === undefined ? undefined : this.#at(first).known;
    return rule && operand && rule([operand], node.attributes, node.type);
  }

  /** What rounding to nearest does to a weight that is known, and views of it; a second rounding is not followed. */
  #roundedOf<K extends OpName>(node: OpNode<K>): KnownRounding | undefined {
    const { bounds } = REGISTRY[node.op];
    const [x, scale] = node.operands;
    const operand = x === undefined ? undefined : this.#at(x);
    if (operand === undefined) return undefined;
    const { known, rounded } = operand;
    if (bounds.rounding === undefined) {
      const view = node.op === 'quantizeStochastic' ? undefined : bounds.known;
      if (view === undefined || rounded === undefined) return undefined;
      const { tensor, slack } = rounded;
      const seen = view([tensor], node.attributes, node.type);
      return { tensor: seen, slack };
    }
    if (known === undefined || rounded !== undefined || scale === undefined) return undefined;
    const made = nodeOf(this.graph, scale);
    if (made.kind !== 'op' || made.op !== 'quantScale' || made.operands[0] !== x) return undefined;
    const { attributes, type } = made;
    const by = `rounded ${JSON.stringify([attributes, node.attributes])}`;
    return this.#facts.get(known, by, () => {
      const scales = REGISTRY.quantScale.evaluate({ attributes, operands: [known], type, noise: noNoise });
      return bounds.rounding?.(known, scales, node.attributes);
    });
  }
}

function noNoise(): never {
  throw new Error('a scale reads no noise');
}

/** Facts about tensors that are known, found once for each of them in all walks. */
export class FactsOfTensors {
  readonly #facts = new Map<Float64Array, Map<string, unknown>>();

  get<V>(tensor: NdArray | undefined, key: string, compute: () => V): V {
    if (tensor === undefined) return compute();
    const data = tensor.data as Float64Array;
    const facts = this.#facts.get(data) ?? new Map<string, unknown>();
    this.#facts.set(data, facts);
    const name = `${tensor.shape.join()} ${key}`;
    if (!facts.has(name)) facts.set(name, compute());
    return facts.get(name) as V;
  }
}

/** What caps a computed and a real value caps their distance, and the norms bound each other: `e_∞ ≤ e₂ ≤ √n·e_∞`. */
function limited(e: Errors<Dyadic>, range: Range, size: number): Errors<Dyadic> {
  const cap = fromBound(range.cap);
  let { inf, two } = e;
  if (!D.isUnbounded(cap)) {
    const most = range.nonNegative ? D.max(magnitudeOf(range), cap) : D.add(magnitudeOf(range), cap);
    inf = D.min(inf, most);
    two = D.min(two, timesRoot(most, size));
  }
  return { inf: D.min(inf, two), two: D.min(two, timesRoot(inf, size)) };
}

/** Whether a quantizer's scale is that of the very value that it rounds. */
export function scaleOf(graph: Graph, { operands }: OpNode): ScaleSource {
  const [x, scale] = operands;
  if (scale === undefined) return { kind: 'other' };
  const node = nodeOf(graph, scale);
  if (node.kind === 'constant') return { kind: node.data.every((s) => s === 1) ? 'one' : 'other' };
  const follows = node.kind === 'op' && node.op === 'quantScale' && node.operands[0] === x;
  return follows
    ? { kind: 'following', powerOfTwo: node.attributes.kind === 'power_of_two' }
    : { kind: 'other' };
}
