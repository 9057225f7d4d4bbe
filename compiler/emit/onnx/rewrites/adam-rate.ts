import type { Graph } from '../../../ir/graph.ts';
import { mul } from '../../../ops/algebra.ts';
import { eitherWay, opOf, rebuild } from './rebuild.ts';

/** `m·c₁/(√(v·c₂) + ε)·r = m·(c₁·r)/(√(v·c₂) + ε)`: the learning rate joins the bias correction, one pass over the parameters less. */
export function adamRate(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    if (node.op !== 'mul') return undefined;
    for (const [direction, rate] of eitherWay(node.operands)) {
      const adam = opOf(builder, direction, 'adamDirection');
      const [m, v, correction1, correction2] = adam?.operands ?? [];
      if (adam === undefined || m === undefined || v === undefined || builder.shapeOf(rate).length > 0)
        continue;
      if (correction1 === undefined || correction2 === undefined) continue;
      const scaled = mul(builder, correction1, rate);
      return builder.op('adamDirection', [m, v, scaled, correction2], adam.attributes);
    }
    return undefined;
  });
}
