import type { Builder } from '../../../ir/builder.ts';
import type { AnyOpNode, Graph, Value } from '../../../ir/graph.ts';
import { isNonNegative } from './non-negative.ts';
import { eitherWay, opOf, rebuild } from './rebuild.ts';

/**
 * Drops the mask of a quantizer at the scale of its own operand: nothing saturates. With m the largest code,
 * `|x|/fl(absmax/m) ≤ m·(1 + 2⁻²³)`, which rounds to at most m for integers of up to 16 bits; for unsigned ones x must be known not to be
 * negative. It holds for every finite x; tensors that are not finite give a scale that is not, and with it a loss that is not.
 */
export function absmaxMask(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    if (node.op !== 'mul') return undefined;
    for (const [delta, mask] of eitherWay(node.operands)) {
      const quantizer = opOf(builder, mask, 'quantizeMask');
      if (quantizer !== undefined && isFull(builder, quantizer)) return sameShaped(builder, delta, mask);
    }
    return undefined;
  });
}

function isFull(builder: Builder, mask: Extract<AnyOpNode, { op: 'quantizeMask' }>): boolean {
  const { element } = mask.attributes;
  const [x, scale] = mask.operands;
  const source = opOf(builder, scale, 'quantScale');
  if (x === undefined || source?.operands[0] !== x || element.kind !== 'int' || element.bits > 16)
    return false;
  const { element: scaled } = source.attributes;
  const same =
    scaled.kind === 'int' &&
    scaled.bits === element.bits &&
    scaled.signed === element.signed &&
    scaled.narrow === element.narrow;
  return same && (element.signed || isNonNegative(builder, x));
}

/** A product with ones is its other factor where that has the product's shape. */
function sameShaped(builder: Builder, delta: Value, mask: Value): Value | undefined {
  const [a, b] = [builder.shapeOf(delta), builder.shapeOf(mask)];
  return a.length === b.length && a.every((n, i) => n === b[i]) ? delta : undefined;
}
