import type { GraphView } from '../graph-view.ts';
import type { GraphProto } from '../schema.ts';
import { isComplete, shapesAgree } from '../value-type.ts';

const BROADCASTING = new Set(['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max']);

/** An operator that broadcasts needs no expanded operand where its other one has the result's shape anyway. */
export function dropExpansions(view: GraphView): GraphProto {
  let changed = false;
  const node = view.graph.node.map((n) => {
    if (!BROADCASTING.has(n.opType) || n.input.length !== 2) return n;
    const result = view.shape(n.output[0]);
    let input = n.input;
    for (const [i, other] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const expanded = view.producer(input[i]);
      const shape = view.shape(input[other]);
      if (
        expanded?.opType !== 'Expand' ||
        !isComplete(shape) ||
        !isComplete(result) ||
        !shapesAgree(shape, result)
      )
        continue;
      const source = expanded.input[0] ?? '';
      changed = true;
      input = input.map((name, k) => (k === i ? source : name));
    }
    return input === n.input ? n : { ...n, input };
  });
  return changed ? { ...view.graph, node } : view.graph;
}
