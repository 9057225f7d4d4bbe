import type { Span } from '../source/source.ts';
import type { OpAttributes, OpName } from './op-attributes.ts';

/**
 * The one intermediate representation of F, B and U: a typed, single-assignment graph of tensor values. A node
 * has one result, so a value is named by the index of its node; operands come before their users.
 */

export type DType = 'f32' | 'i32';

export interface TensorType {
  readonly dtype: DType;
  /** Static sizes; `[]` is a scalar. */
  readonly shape: readonly number[];
}

/** Index of the node that computes the value. */
export type Value = number;

/** Which factor of `T = U ∘ B ∘ F` a node came from. Nothing downstream of lowering may depend on it but emission layout and reports. */
export type Phase = 'F' | 'B' | 'U';

/** Provenance, carried and never interpreted. */
export interface Origin {
  readonly phase: Phase;
  /** The text of the spec that this node was lowered from. */
  readonly span: Span;
  /** The site or layer value it stands for, such as `c1.weights`, `c2.in`, `c1.grad`; a readable stem for generated names. */
  readonly name?: string;
}

export type Role = 'parameter' | 'buffer' | 'state' | 'batch' | 'hyper';

export interface InputNode {
  readonly kind: 'input';
  /** Unique among the graph's inputs: `c1.weights`, `x`, `labels`, `lr`. */
  readonly input: string;
  readonly role: Role;
  readonly type: TensorType;
  readonly origin: Origin;
}

/** A tensor known at compile time; `data` has one number (a splat) or one per element, row-major. */
export interface ConstantNode {
  readonly kind: 'constant';
  readonly data: readonly number[];
  readonly type: TensorType;
  readonly origin: Origin;
}

export interface OpNode<K extends OpName = OpName> {
  readonly kind: 'op';
  readonly op: K;
  readonly operands: readonly Value[];
  readonly attributes: OpAttributes[K];
  readonly type: TensorType;
  readonly origin: Origin;
}

/** One member a name, so that `node.op` and `node.attributes` agree. */
export type AnyOpNode = { readonly [K in OpName]: OpNode<K> }[OpName];
export type Node = InputNode | ConstantNode | AnyOpNode;

export interface Output {
  /** Unique among the graph's outputs. A new value of an input carries that input's name: `c1.weights`. */
  readonly name: string;
  readonly value: Value;
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly outputs: readonly Output[];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** The node of a value; a value of another graph is our own mistake. */
export function nodeOf(graph: { readonly nodes: readonly Node[] }, value: Value): Node {
  const node = graph.nodes[value];
  if (!node) throw new Error(`value %${value} is not in the graph`);
  return node;
}
