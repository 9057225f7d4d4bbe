import type { Graph, Node, OpNode, Origin, Output, Role, TensorType, Value } from './graph.ts';
import { nodeOf, sameShape } from './graph.ts';
import { hashOf, isSame, type NodeKey, NodeTable } from './node-table.ts';
import type { OpAttributes, OpName } from './op-attributes.ts';

/** Infers the result type of an op; throws where operands do not fit, which is a mistake of ours, not the user's. */
export type TypeRule = <K extends OpName>(
  op: K,
  operands: readonly TensorType[],
  attributes: OpAttributes[K],
) => TensorType;

/**
 * Appends nodes to a graph. An op applied twice to the same operands with the same attributes is one value: what
 * B recomputes of F is F's.
 */
export class Builder {
  readonly #nodes: Node[] = [];
  readonly #known = new NodeTable(this.#nodes);
  readonly #lastAttributes = new Map<OpName, OpAttributes[OpName]>();
  readonly #inputs = new Set<string>();
  readonly #typeRule: TypeRule;
  #origin: Origin = { phase: 'F', span: { start: 0, end: 0 } };

  /** @param nodes what to continue, such as the F to which B is to be appended */
  constructor(typeRule: TypeRule, nodes: readonly Node[] = []) {
    this.#typeRule = typeRule;
    // Equal nodes of another maker stay apart, for operands are positions.
    for (const node of nodes) {
      if (node.kind === 'input') this.#push(node);
      else this.#pushKnown(hashOf(node), node);
    }
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Runs `body` with the given provenance on every node that it makes. */
  at<T>(origin: Origin, body: () => T): T {
    const before = this.#origin;
    this.#origin = origin;
    try {
      return body();
    } finally {
      this.#origin = before;
    }
  }

  /** The same provenance under another name. */
  named<T>(name: string, body: () => T): T {
    const { phase, span } = this.#origin;
    return this.at({ phase, span, name }, body);
  }

  typeOf(value: Value): TensorType {
    return nodeOf(this, value).type;
  }

  shapeOf(value: Value): readonly number[] {
    return this.typeOf(value).shape;
  }

  input(input: string, role: Role, type: TensorType): Value {
    if (this.#inputs.has(input)) throw new Error(`two inputs are named '${input}'`);
    this.#inputs.add(input);
    return this.#push({ kind: 'input', input, role, type, origin: this.#origin });
  }

  /** A splat of `shape` from one number, or a tensor from one number per element. */
  constant(data: number | readonly number[], shape: readonly number[] = []): Value {
    const node = {
      kind: 'constant',
      data: typeof data === 'number' ? [data] : data,
      type: { dtype: 'f32', shape },
      origin: this.#origin,
    } as const;
    const hash = hashOf(node);
    return this.#known.find(hash, node) ?? this.#pushKnown(hash, node);
  }

  op<K extends OpName>(op: K, operands: readonly Value[], attributes: OpAttributes[K]): Value {
    const key = { kind: 'op', op, operands, attributes } as unknown as NodeKey;
    const hash = hashOf(key);
    const known = this.#known.find(hash, key);
    if (known !== undefined) return known;
    const types: TensorType[] = [];
    for (const operand of operands) types.push(this.typeOf(operand));
    const type = shared(this.#typeRule(op, types, attributes), types);
    const node = {
      kind: 'op',
      op,
      operands,
      attributes: this.#sharedAttributes(op, attributes),
      type,
      origin: this.#origin,
    } satisfies OpNode<K>;
    return this.#pushKnown(hash, node as unknown as Exclude<Node, { kind: 'input' }>);
  }

  build(name: string, outputs: readonly Output[]): Graph {
    return { name, nodes: this.#nodes.slice(), outputs };
  }

  /** The attributes that the op had last where they are equal, so that a large graph keeps one object for most of its nodes. */
  #sharedAttributes<K extends OpName>(op: K, attributes: OpAttributes[K]): OpAttributes[K] {
    const last = this.#lastAttributes.get(op);
    if (last !== undefined && isSame(last, attributes)) return last as OpAttributes[K];
    this.#lastAttributes.set(op, attributes);
    return attributes;
  }

  /** Appends a node that equal ones are from now on. */
  #pushKnown(hash: number, node: Exclude<Node, { kind: 'input' }>): Value {
    const value = this.#push(node);
    this.#known.set(hash, node, value);
    return value;
  }

  #push(node: Node): Value {
    if (node.kind === 'input') this.#inputs.add(node.input);
    return this.#nodes.push(node) - 1;
  }
}

/** A type, or the operand's type that is equal to it: most results have one, and a large graph keeps one object for them. */
function shared(type: TensorType, operands: readonly TensorType[]): TensorType {
  for (const known of operands)
    if (known.dtype === type.dtype && sameShape(known.shape, type.shape)) return known;
  return type;
}
