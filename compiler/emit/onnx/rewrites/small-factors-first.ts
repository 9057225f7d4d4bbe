import type { Graph } from '../../../ir/graph.ts';
import { mul } from '../../../ops/algebra.ts';
import { eitherWay, rebuild } from './rebuild.ts';
import { isSmall, scaledBySmall } from './small.ts';

/** `(x·s)·t = x·(s·t)` where s and t are small: one pass over x instead of two. */
export function smallFactorsFirst(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    if (node.op !== 'mul') return undefined;
    const { shape } = node.type;
    for (const [product, factor] of eitherWay(node.operands)) {
      if (!isSmall(builder, factor, shape)) continue;
      const scaled = scaledBySmall(builder, product, shape);
      if (scaled !== undefined) return mul(builder, scaled.whole, mul(builder, scaled.small, factor));
    }
    return undefined;
  });
}
