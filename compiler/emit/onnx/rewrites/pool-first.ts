import type { Graph } from '../../../ir/graph.ts';
import { mul, step } from '../../../ops/algebra.ts';
import { eitherWay, opOf, rebuild } from './rebuild.ts';

/**
 * Pools before relu, so that relu and its mask cost what is left after pooling. Relu is monotone, hence
 * `max relu(x) = relu(max x)`. A window whose maximum is positive has the same first winner with and without relu; in any other
 * the mask of relu is 0 everywhere. So `route(relu(x), δ)·step(x) = route(x, δ·step(max x))`, to the bit but for the sign of zeros.
 */
export function poolFirst(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    if (node.op === 'maxPool') {
      const relu = opOf(builder, node.operands[0], 'relu');
      if (relu === undefined) return undefined;
      return builder.op('relu', [builder.op('maxPool', relu.operands, node.attributes)], {});
    }
    if (node.op !== 'mul') return undefined;
    for (const [a, b] of eitherWay(node.operands)) {
      const route = opOf(builder, a, 'maxPoolRoute');
      const x = opOf(builder, b, 'step')?.operands[0];
      const [relued, delta] = route?.operands ?? [];
      if (route === undefined || x === undefined || delta === undefined) continue;
      if (opOf(builder, relued, 'relu')?.operands[0] !== x) continue;
      const mask = step(builder, builder.op('maxPool', [x], route.attributes));
      return builder.op('maxPoolRoute', [x, mul(builder, delta, mask)], route.attributes);
    }
    return undefined;
  });
}
