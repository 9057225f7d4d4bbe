import type { Related } from '../../diagnostics/diagnostic.ts';
import { nodeOf, type Value } from '../../ir/graph.ts';
import { formatBound } from '../../numeric/bound/decimal.ts';
import { type Bound, compare, divide, isUnbounded, ONE } from '../../numeric/bound.ts';
import { magnitude } from '../../ops/bounds/range.ts';
import type { Span } from '../../source/source.ts';
import type { PreparedStep } from '../worst-case/pass.ts';

interface Growth {
  readonly name: string;
  readonly span: Span;
  readonly factor: Bound;
}

/** The largest contributors that a diagnostic names. */
const SHOWN = 3;

/**
 * Where a value's range comes from: the ops, on the way from the inputs along the operand with the largest range, that widen it most. The
 * product of all factors on that way is the range itself, in units of the first operand's.
 */
export function growthOf({ graph, facts }: PreparedStep, value: Value): readonly Related[] {
  const factors: Growth[] = [];
  let current = value;
  for (;;) {
    const node = nodeOf(graph, current);
    if (node.kind !== 'op') break;
    const size = facts.ranges[current];
    const data = node.operands.filter(
      (operand) => facts.known[operand] === undefined && !isParameter(operand),
    );
    const widest = data.reduce<Value | undefined>(
      (best, operand) => (best === undefined || compare(sizeAt(operand), sizeAt(best)) > 0 ? operand : best),
      undefined,
    );
    if (widest === undefined || size === undefined) break;
    const before = sizeAt(widest);
    if (before.mantissa > 0 && !isUnbounded(before) && compare(magnitude(size), before) > 0) {
      const { name = node.op, span } = node.origin;
      factors.push({ name, span, factor: divide(magnitude(size), before) });
    }
    current = widest;
  }
  return factors
    .filter(({ factor }) => compare(factor, ONE) > 0)
    .toSorted((a, b) => compare(b.factor, a.factor))
    .slice(0, SHOWN)
    .map(({ name, span, factor }) => ({
      span,
      message: `'${name}' widens the range up to ${formatBound(factor)} times`,
    }));

  function sizeAt(operand: Value): Bound {
    const range = facts.ranges[operand];
    if (range === undefined) throw new Error(`%${operand} was not analysed`);
    return magnitude(range);
  }

  function isParameter(operand: Value): boolean {
    const node = nodeOf(graph, operand);
    if (node.kind === 'input') return node.role === 'parameter';
    return (
      node.kind === 'op' && node.operands[0] !== undefined && isView(node.op) && isParameter(node.operands[0])
    );
  }
}

/** Ops through which a parameter is read as itself, rounded or in another shape. */
function isView(op: string): boolean {
  return ['quantize', 'quantizeStochastic', 'reshape', 'transpose', 'stopGradient'].includes(op);
}
