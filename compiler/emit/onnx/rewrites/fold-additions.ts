import { rename } from '../graph-edits.ts';
import type { GraphView } from '../graph-view.ts';
import type { GraphProto, NodeProto } from '../schema.ts';

/** Replaces `Add(product, summand)` by what `fold` makes of it, where nothing else reads the product. */
export function foldAdditions(
  view: GraphView,
  fold: (product: NodeProto, summand: string) => NodeProto | undefined,
): GraphProto {
  const outputs = new Set(view.graph.output.map((o) => o.name));
  const folded = new Set<NodeProto>();
  const renamed = new Map<string, string>();
  const node = view.graph.node.map((n) => {
    if (n.opType !== 'Add') return n;
    const [a = '', b = ''] = n.input;
    const [sum = ''] = n.output;
    for (const [left, right] of [
      [a, b],
      [b, a],
    ] as const) {
      const product = view.producer(left);
      if (product === undefined || view.uses(left) !== 1) continue;
      const replacement = fold(product, right);
      if (replacement === undefined) continue;
      folded.add(product);
      if (outputs.has(sum)) return { ...replacement, output: n.output };
      renamed.set(sum, left);
      return replacement;
    }
    return n;
  });
  if (folded.size === 0) return view.graph;
  return { ...view.graph, node: node.filter((n) => !folded.has(n)).map((n) => rename(n, renamed)) };
}
