import type { Builder } from '../../../ir/builder.ts';
import type { Graph, Value } from '../../../ir/graph.ts';
import { add, div, mul, sub } from '../../../ops/algebra.ts';
import { opOf, rebuild } from './rebuild.ts';
import { isSmall, scaledBySmall } from './small.ts';

/** `(x·s − t)/σ = x·(s/σ) − t/σ` for small s, t and σ: the division costs nothing over x. */
export function divisionInward(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    if (node.op !== 'div') return undefined;
    const [x, sigma] = node.operands;
    if (x === undefined || sigma === undefined || !isSmall(builder, sigma, node.type.shape)) return undefined;
    return divided(builder, x, sigma, node.type.shape);
  });
}

function divided(builder: Builder, x: Value, sigma: Value, shape: readonly number[]): Value | undefined {
  if (isSmall(builder, x, shape)) return div(builder, x, sigma);
  const scaled = scaledBySmall(builder, x, shape);
  if (scaled !== undefined) return mul(builder, scaled.whole, div(builder, scaled.small, sigma));
  for (const [op, write] of [
    ['add', add],
    ['sub', sub],
  ] as const) {
    const [a, b] = opOf(builder, x, op)?.operands ?? [];
    if (a === undefined || b === undefined) continue;
    const left = divided(builder, a, sigma, shape);
    const right = left === undefined ? undefined : divided(builder, b, sigma, shape);
    if (left !== undefined && right !== undefined) return write(builder, left, right);
  }
  return undefined;
}
