import type { Graph, Node, OpNode, Value } from '../../../compiler/ir/graph.ts';
import { nodeOf } from '../../../compiler/ir/graph.ts';

/** Every op of a graph by itself. */
export interface OpGraph {
  /** Reads the operands of each op as inputs of its own and gives the result of each op as an output. */
  readonly graph: Graph;
  /** Inputs of {@link graph} by the values of the original graph that are to be fed to them. */
  readonly inputs: ReadonlyMap<Value, string>;
  /** Outputs of {@link graph} by the values of the original graph that they compute again. */
  readonly outputs: ReadonlyMap<Value, string>;
}

/**
 * Cuts a graph between its ops: one graph, and so one session of an engine, in which no op reads what another one computed. Constants
 * stay constants, as emission treats them differently from inputs; noise streams stay, so that they are cut from the same pools.
 */
export function opGraph(original: Graph): OpGraph {
  const inputs = new Map<Value, string>();
  const outputs = new Map<Value, string>();
  const nodes: Node[] = [];
  const places = new Map<Value, Value>();
  const operandOf = (value: Value): Value => {
    const known = places.get(value);
    if (known !== undefined) return known;
    const node = nodeOf(original, value);
    const input = `operand.${value}`;
    if (node.kind !== 'constant') inputs.set(value, input);
    const place =
      nodes.push(
        node.kind === 'constant'
          ? node
          : { kind: 'input', input, role: 'batch', type: node.type, origin: node.origin },
      ) - 1;
    places.set(value, place);
    return place;
  };
  const results: { name: string; value: Value }[] = [];
  original.nodes.forEach((node, value) => {
    if (node.kind !== 'op') return;
    const copy: OpNode = { ...node, operands: node.operands.map(operandOf) };
    const name = `result.${value}`;
    outputs.set(value, name);
    results.push({ name, value: nodes.push(copy as Node) - 1 });
  });
  return { graph: { name: `${original.name} ops`, nodes, outputs: results }, inputs, outputs };
}
