import { type Bound, compare, ZERO } from '../numeric/bound.ts';
import {
  at,
  type Functional,
  type FunctionalNode,
  type FunctionalOutput,
  type NodeId,
  operandsOf,
} from './functional.ts';
import { OPERATIONS, type OperationName } from './operations.ts';
import { areSteps, type Step } from './step.ts';

/**
 * Makes functionals. Equal nodes are one, and what changes no value is left out: neutral operands (0 of a sum, 1 of a product, a
 * repeated operand of min or max), operations of one operand, and whatever a factor 0 annihilates. Nothing else is rewritten: sums and
 * products keep the order of their operands, in which they are rounded, so that no rewriting can lower a bound.
 */
export class FunctionalBuilder {
  readonly #inputs: ReadonlySet<string>;
  readonly #nodes: FunctionalNode[] = [];
  readonly #known = new Map<string, NodeId>();

  constructor(inputs: readonly string[]) {
    this.#inputs = distinct(inputs, 'inputs');
  }

  input(name: string): NodeId {
    if (!this.#inputs.has(name)) throw new Error(`the functional has no input '${name}'`);
    return this.#intern(`input ${name}`, { kind: 'input', name });
  }

  constant(value: Bound): NodeId {
    return this.#intern(`constant ${boundKey(value)}`, { kind: 'constant', value });
  }

  sum(operands: readonly NodeId[]): NodeId {
    return this.operation('sum', operands);
  }

  product(operands: readonly NodeId[]): NodeId {
    return this.operation('product', operands);
  }

  scale(coefficient: Bound, operand: NodeId): NodeId {
    return this.operation('product', [this.constant(coefficient), operand]);
  }

  min(operands: readonly NodeId[]): NodeId {
    return this.operation('min', operands);
  }

  max(operands: readonly NodeId[]): NodeId {
    return this.operation('max', operands);
  }

  /** √(Σ xᵢ²). */
  norm(operands: readonly NodeId[]): NodeId {
    return this.operation('norm', operands);
  }

  sqrt(operand: NodeId): NodeId {
    return this.operation('sqrt', [operand]);
  }

  /** The step function of `steps`, whose thresholds and levels strictly ascend, at the operand. */
  step(operand: NodeId, steps: readonly Step[]): NodeId {
    if (!areSteps(steps)) throw new Error('the steps of a functional do not ascend');
    if (steps.length === 0) return this.constant(ZERO);
    const key = steps.map(({ at: threshold, level }) => `${boundKey(threshold)} ${boundKey(level)}`);
    return this.#intern(`step ${operand} ${key.join(' ')}`, { kind: 'step', operand, steps });
  }

  operation(operation: OperationName, operands: readonly NodeId[]): NodeId {
    const { arity, neutral, absorbing, idempotent } = OPERATIONS[operation];
    if (absorbing && operands.some((id) => this.#isConstant(id, absorbing))) return this.constant(absorbing);
    const once = idempotent ? [...new Set(operands)] : operands;
    const kept = neutral ? once.filter((id) => !this.#isConstant(id, neutral)) : once;
    const [first] = kept;
    if (first === undefined) {
      if (neutral === undefined) throw new Error(`${operation} of nothing`);
      return this.constant(neutral);
    }
    if (arity === 'one' && kept.length > 1) throw new Error(`${operation} takes one operand`);
    if (arity === 'many' && kept.length === 1) return first;
    return this.#intern(`${operation} ${kept.join(' ')}`, { kind: 'operation', operation, operands: kept });
  }

  /** Substitutes: the nodes of a functional's outputs when its inputs are the given nodes. */
  inline(functional: Functional, inputs: ReadonlyMap<string, NodeId>): ReadonlyMap<string, NodeId> {
    const here: NodeId[] = [];
    for (const node of functional.nodes) here.push(this.#copy(node, here, inputs));
    return new Map(functional.outputs.map(({ name, node }) => [name, at(here, node)]));
  }

  /** The functional of the given outputs, in canonical form; nodes that no output needs are dropped. */
  build(outputs: Iterable<readonly [name: string, node: NodeId]>): Functional {
    const named: readonly FunctionalOutput[] = Array.from(outputs, ([name, node]) => ({ name, node }));
    distinct(
      named.map(({ name }) => name),
      'outputs',
    );
    const order = postOrder(
      this.#nodes,
      named.map(({ node }) => node),
    );
    const renumbered = new Int32Array(this.#nodes.length);
    order.forEach((id, position) => {
      renumbered[id] = position;
    });
    const rename = (id: NodeId): NodeId => renumbered[id] ?? id;
    return {
      inputs: [...this.#inputs],
      nodes: order.map((id) => renamed(at(this.#nodes, id), rename)),
      outputs: named.map(({ name, node }) => ({ name, node: rename(node) })),
    };
  }

  #copy(node: FunctionalNode, here: readonly NodeId[], inputs: ReadonlyMap<string, NodeId>): NodeId {
    switch (node.kind) {
      case 'input': {
        const bound = inputs.get(node.name);
        if (bound === undefined) throw new Error(`nothing is substituted for the input '${node.name}'`);
        return bound;
      }
      case 'constant':
        return this.constant(node.value);
      case 'operation':
        return this.operation(
          node.operation,
          node.operands.map((id) => at(here, id)),
        );
      case 'step':
        return this.step(at(here, node.operand), node.steps);
    }
  }

  #isConstant(id: NodeId, value: Bound): boolean {
    const node = at(this.#nodes, id);
    return node.kind === 'constant' && compare(node.value, value) === 0;
  }

  #intern(key: string, node: FunctionalNode): NodeId {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    for (const operand of operandsOf(node)) at(this.#nodes, operand);
    this.#known.set(key, this.#nodes.length);
    return this.#nodes.push(node) - 1;
  }
}

function boundKey({ mantissa, exponent }: Bound): string {
  return `${mantissa}p${exponent}`;
}

function distinct(names: readonly string[], what: string): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new Error(`two ${what} of a functional are named '${name}'`);
    seen.add(name);
  }
  return seen;
}

function renamed(node: FunctionalNode, rename: (id: NodeId) => NodeId): FunctionalNode {
  if (node.kind === 'operation') return { ...node, operands: node.operands.map(rename) };
  return node.kind === 'step' ? { ...node, operand: rename(node.operand) } : node;
}

/** The nodes that the roots need, each after its operands, in the order in which a depth-first walk leaves them. */
function postOrder(nodes: readonly FunctionalNode[], roots: readonly NodeId[]): readonly NodeId[] {
  const order: NodeId[] = [];
  const entered = new Uint8Array(nodes.length);
  // A node to enter, or the complement of one to leave.
  const pending = [...roots].reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next < 0) order.push(~next);
    if (next < 0 || entered[next]) continue;
    entered[next] = 1;
    pending.push(~next);
    const operands = operandsOf(at(nodes, next));
    for (let i = operands.length - 1; i >= 0; i--) pending.push(at(operands, i));
  }
  return order;
}
