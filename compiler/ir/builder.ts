import type { Graph, Node, OpNode, Origin, Output, Role, TensorType, Value } from './graph.ts';
import { nodeOf } from './graph.ts';
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
  readonly #known = new Map<string, Value>();
  readonly #inputs = new Set<string>();
  readonly #typeRule: TypeRule;
  #origin: Origin = { phase: 'F', span: { start: 0, end: 0 } };

  /** @param nodes what to continue, such as the F to which B is to be appended */
  constructor(typeRule: TypeRule, nodes: readonly Node[] = []) {
    this.#typeRule = typeRule;
    // Equal nodes of another maker stay apart, for operands are positions.
    for (const node of nodes) this.#push(node, keyOf(node));
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
    return this.at({ ...this.#origin, name }, body);
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
    return this.#append({ kind: 'input', input, role, type, origin: this.#origin });
  }

  /** A splat of `shape` from one number, or a tensor from one number per element. */
  constant(data: number | readonly number[], shape: readonly number[] = []): Value {
    const node: Node = {
      kind: 'constant',
      data: typeof data === 'number' ? [data] : data,
      type: { dtype: 'f32', shape },
      origin: this.#origin,
    };
    return this.#append(node, keyOf(node));
  }

  op<K extends OpName>(op: K, operands: readonly Value[], attributes: OpAttributes[K]): Value {
    const type = this.#typeRule(
      op,
      operands.map((v) => this.typeOf(v)),
      attributes,
    );
    const node = { kind: 'op', op, operands, attributes, type, origin: this.#origin } satisfies OpNode<K>;
    return this.#append(node as unknown as Node, keyOf(node));
  }

  build(name: string, outputs: readonly Output[]): Graph {
    return { name, nodes: [...this.#nodes], outputs };
  }

  #append(node: Node, key?: string): Value {
    const known = key === undefined ? undefined : this.#known.get(key);
    return known ?? this.#push(node, key);
  }

  #push(node: Node, key: string | undefined): Value {
    const value = this.#nodes.push(node) - 1;
    if (key !== undefined) this.#known.set(key, value);
    if (node.kind === 'input') this.#inputs.add(node.input);
    return value;
  }
}

/** What two nodes must share to be one value; undefined for an input. */
function keyOf(node: Pick<OpNode, 'kind' | 'op' | 'operands' | 'attributes'> | Node): string | undefined {
  if (node.kind === 'input') return undefined;
  if (node.kind === 'constant') return `constant ${node.type.dtype} ${node.type.shape} ${node.data}`;
  return `${node.op} ${node.operands} ${JSON.stringify(node.attributes)}`;
}
