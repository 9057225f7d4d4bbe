import type { Graph, Node, Output, Value } from './graph.ts';
import { nodeOf } from './graph.ts';

/**
 * The graph of the given outputs alone: nodes that none of them needs are dropped and the rest renumbered in order.
 * Inputs stay, used or not: they are the graph's signature.
 */
export function prune(graph: Graph, outputs: readonly Output[] = graph.outputs): Graph {
  const needed = new Set<Value>();
  const pending = outputs.map((o) => o.value);
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (needed.has(value)) continue;
    needed.add(value);
    const node = nodeOf(graph, value);
    if (node.kind === 'op') pending.push(...node.operands);
  }
  const renamed = new Map<Value, Value>();
  const nodes: Node[] = [];
  graph.nodes.forEach((node, value) => {
    if (node.kind !== 'input' && !needed.has(value)) return;
    renamed.set(value, nodes.length);
    nodes.push(
      node.kind === 'op' ? { ...node, operands: node.operands.map((v) => rename(renamed, v)) } : node,
    );
  });
  return {
    name: graph.name,
    nodes,
    outputs: outputs.map((o) => ({ name: o.name, value: rename(renamed, o.value) })),
  };
}

function rename(renamed: ReadonlyMap<Value, Value>, value: Value): Value {
  const result = renamed.get(value);
  if (result === undefined) throw new Error(`value %${value} is used before its node`);
  return result;
}
