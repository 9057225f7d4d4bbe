import type { Builder } from '../../../ir/builder.ts';
import { type AnyOpNode, type Graph, nodeOf, type Value } from '../../../ir/graph.ts';
import type { OpName } from '../../../ir/op-attributes.ts';
import { prune } from '../../../ir/prune.ts';
import { newBuilder } from '../../../ops/registry.ts';

/** A value to read in place of a node, whose operands are already those of the new graph; undefined where the rule has nothing to say. */
export type NodeRule = (builder: Builder, node: AnyOpNode) => Value | undefined;

/** The graph with each node replaced by what the rule makes of it; the graph itself where the rule fits nowhere. */
export function rebuild(graph: Graph, rule: NodeRule): Graph {
  const builder = newBuilder();
  const places: Value[] = [];
  let changed = false;
  for (const node of graph.nodes) {
    const place = builder.at(node.origin, () => {
      if (node.kind === 'input') return builder.input(node.input, node.role, node.type);
      if (node.kind === 'constant') return builder.constant(node.data, node.type.shape);
      const moved = { ...node, operands: node.operands.map((v) => placeOf(places, v)) } as AnyOpNode;
      const replaced = rule(builder, moved);
      if (replaced === undefined) return builder.op(moved.op, moved.operands, moved.attributes);
      changed = true;
      return replaced;
    });
    places.push(place);
  }
  if (!changed) return graph;
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: placeOf(places, value) }));
  return prune(builder.build(graph.name, outputs));
}

function placeOf(places: readonly Value[], value: Value): Value {
  const place = places[value];
  if (place === undefined) throw new Error(`value %${value} is used before its node`);
  return place;
}

/** The node of a value where it is of the given op. */
export function opOf<K extends OpName>(
  nodes: Parameters<typeof nodeOf>[0],
  value: Value | undefined,
  op: K,
): Extract<AnyOpNode, { op: K }> | undefined {
  if (value === undefined) return undefined;
  const node = nodeOf(nodes, value);
  return node.kind === 'op' && node.op === op ? (node as Extract<AnyOpNode, { op: K }>) : undefined;
}

/** Both operands in both orders, for ops that commute. */
export function eitherWay(operands: readonly Value[]): readonly (readonly [Value, Value])[] {
  const [a, b] = operands;
  return a === undefined || b === undefined
    ? []
    : [
        [a, b],
        [b, a],
      ];
}
