import { type Bound, ZERO } from '../numeric/bound.ts';
import { at, type Functional, type FunctionalNode } from './functional.ts';
import { OPERATIONS } from './operations.ts';
import { levelAt } from './step.ts';

/** Bounds by the names of inputs or outputs. */
export type NamedBounds = ReadonlyMap<string, Bound>;

/** Φ(ε), rounded up: at or above the exact value at every point. @throws where `point` lacks an input */
export function apply(functional: Functional, point: NamedBounds): NamedBounds {
  const values = nodeValues(functional, point);
  return new Map(functional.outputs.map(({ name, node }) => [name, at(values, node)]));
}

/** Δ = Φ(0), the local error: what the part adds to inputs without error. */
export function local(functional: Functional): NamedBounds {
  return apply(functional, new Map(functional.inputs.map((name) => [name, ZERO])));
}

/** The value of every node, rounded up. */
export function nodeValues(functional: Functional, point: NamedBounds): readonly Bound[] {
  for (const name of functional.inputs) {
    if (!point.has(name)) throw new Error(`no bound for the input '${name}'`);
  }
  const values: Bound[] = [];
  for (const node of functional.nodes) values.push(nodeValue(node, values, point));
  return values;
}

function nodeValue(node: FunctionalNode, values: readonly Bound[], point: NamedBounds): Bound {
  switch (node.kind) {
    case 'input':
      return point.get(node.name) ?? ZERO;
    case 'constant':
      return node.value;
    case 'operation':
      return OPERATIONS[node.operation].evaluate(node.operands.map((id) => at(values, id)));
    case 'step':
      return levelAt(node.steps, at(values, node.operand));
  }
}
