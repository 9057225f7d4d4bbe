import type { Graph } from '../../../ir/graph.ts';
import { rebuild } from './rebuild.ts';

/** What only differentiation sees is gone once B is there: `quantizeCotangent(x)` and `stopGradient(x)` are x. */
export function forwardIdentity(graph: Graph): Graph {
  return rebuild(graph, (_, node) =>
    node.op === 'quantizeCotangent' || node.op === 'stopGradient' ? node.operands[0] : undefined,
  );
}
