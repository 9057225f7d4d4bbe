import type { Graph, Node, Output, Value } from './graph.ts';
import { nodeOf } from './graph.ts';

/**
 * The graph of the given outputs alone: nodes that none of them needs are dropped and the rest renumbered in order.
 * Inputs stay, used or not: they are the graph's signature.
 */
export function prune(graph: Graph, outputs: readonly Output[] = graph.outputs): Graph {
  const kept = keptNodes(graph, outputs);
  if (!kept.includes(0)) return { name: graph.name, nodes: graph.nodes, outputs };
  const renamed = new Int32Array(graph.nodes.length).fill(-1);
  const nodes: Node[] = [];
  graph.nodes.forEach((node, value) => {
    if (kept[value] === 0) return;
    renamed[value] = nodes.length;
    nodes.push(node.kind === 'op' && moves(node.operands, renamed) ? renumbered(node, renamed) : node);
  });
  return {
    name: graph.name,
    nodes,
    outputs: outputs.map((o) => ({ name: o.name, value: rename(renamed, o.value) })),
  };
}

/** 1 for each node that stays. Operands come before their users, so counting down meets a node after all that need it. */
function keptNodes(graph: Graph, outputs: readonly Output[]): Uint8Array {
  const kept = new Uint8Array(graph.nodes.length);
  for (const { value } of outputs) {
    nodeOf(graph, value);
    kept[value] = 1;
  }
  for (let value = kept.length - 1; value >= 0; value--) {
    const node = nodeOf(graph, value);
    if (node.kind === 'input') kept[value] = 1;
    else if (node.kind === 'op' && kept[value] === 1) for (const operand of node.operands) kept[operand] = 1;
  }
  return kept;
}

/** Whether an operand has another number than before; a node with none that has is itself, without a copy. */
function moves(operands: readonly Value[], renamed: Int32Array): boolean {
  for (const operand of operands) if (renamed[operand] !== operand) return true;
  return false;
}

function renumbered(node: Extract<Node, { kind: 'op' }>, renamed: Int32Array): Node {
  return { ...node, operands: node.operands.map((v) => rename(renamed, v)) };
}

function rename(renamed: Int32Array, value: Value): Value {
  const result = renamed[value] ?? -1;
  if (result < 0) throw new Error(`value %${value} is used before its node`);
  return result;
}
