import type { Bound } from '../numeric/bound.ts';
import type { OperationName } from './operations.ts';
import type { Step } from './step.ts';

/**
 * An error functional Φ: ℝ₊ⁿ → ℝ₊ᵐ, a bound of the errors of the named outputs as a function of bounds of the errors of the named inputs. It is
 * data: a directed acyclic graph of monotone operations, so that Φ is monotone by construction, and can be printed, composed,
 * differentiated and replayed.
 *
 * Functionals come from a {@link FunctionalBuilder} (or from JSON through one), which makes them canonical: equal expressions are one node,
 * neutral elements are gone, every node reaches an output, and nodes are numbered in the order in which a depth-first walk from the
 * outputs leaves them. Equal functionals are equal data.
 */
export interface Functional {
  /** Distinct; a functional may ignore some. */
  readonly inputs: readonly string[];
  /** Operands come before their users. */
  readonly nodes: readonly FunctionalNode[];
  /** Distinct names. */
  readonly outputs: readonly FunctionalOutput[];
}

/** Index of a node. */
export type NodeId = number;

export interface FunctionalOutput {
  readonly name: string;
  readonly node: NodeId;
}

export type FunctionalNode = InputNode | ConstantNode | OperationNode | StepNode;

export interface InputNode {
  readonly kind: 'input';
  readonly name: string;
}

export interface ConstantNode {
  readonly kind: 'constant';
  readonly value: Bound;
}

export interface OperationNode {
  readonly kind: 'operation';
  readonly operation: OperationName;
  readonly operands: readonly NodeId[];
}

export interface StepNode {
  readonly kind: 'step';
  readonly operand: NodeId;
  readonly steps: readonly Step[];
}

export function operandsOf(node: FunctionalNode): readonly NodeId[] {
  if (node.kind === 'operation') return node.operands;
  return node.kind === 'step' ? [node.operand] : [];
}

/** What stands under a node's id in a list parallel to the nodes. @throws where nothing does */
export function at<T>(list: readonly T[], id: NodeId): T {
  const item = list[id];
  if (item === undefined) throw new Error(`there is no node ${id}`);
  return item;
}
