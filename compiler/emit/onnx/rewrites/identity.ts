import { intsAttribute } from '../attributes.ts';
import { rename } from '../graph-edits.ts';
import type { GraphView } from '../graph-view.ts';
import type { GraphProto, NodeProto } from '../schema.ts';
import { isComplete, shapesAgree } from '../value-type.ts';

/** Identity, and shape operators that change no shape, are bypassed where what they copy is not itself an output. */
export function dropIdentities(view: GraphView): GraphProto {
  const { graph } = view;
  const outputs = new Set(graph.output.map((o) => o.name));
  const bypassed = new Map<string, string>();
  const node = graph.node.flatMap((original) => {
    const current = rename(original, bypassed);
    const [from] = current.input;
    const [to] = current.output;
    if (from === undefined || to === undefined || outputs.has(to) || !isIdentity(view, original))
      return [current];
    bypassed.set(to, from);
    return [];
  });
  if (bypassed.size === 0) return graph;
  return { ...graph, node };
}

function isIdentity(view: GraphView, node: NodeProto): boolean {
  if (node.opType === 'Identity') return true;
  if (node.opType === 'Transpose')
    return intsAttribute(node, 'perm')?.every((axis, i) => axis === i) === true;
  if (node.opType !== 'Reshape' && node.opType !== 'Expand') return false;
  const before = view.shape(node.input[0]);
  const after = view.shape(node.output[0]);
  return isComplete(before) && isComplete(after) && shapesAgree(before, after);
}
