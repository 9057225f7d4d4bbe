import type { ErrorAlgebra, Errors, ErrorTerms } from '../../ir/bound-rules.ts';
import type { Graph, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import { addUp, sqrtUp, sumUp } from '../../norms/outward.ts';
import { type Bound, fromNumber, UNBOUNDED } from '../../numeric/bound.ts';
import type { Slopes } from './jacobian.ts';

/**
 * The first-order adjoint with its remainder enclosed. Replace the roundings of F by none one after the other, in the order of the graph:
 * each step changes the logits by what that one rounding adds at computed operands, times slopes of the *real* rest of the network, which
 * the interval matrix of {@link Slopes} holds at every point. No second-order term is left over.
 *
 * @param terms of every value, as the pass over the graph gave them
 */
export function adjointErrors<T>(
  graph: Graph,
  algebra: ErrorAlgebra<T>,
  slopes: ReadonlyMap<Value, Slopes>,
  terms: (value: Value) => ErrorTerms<T> | undefined,
  given: (value: Value) => Errors<T>,
): Errors<T> {
  const inf: T[] = [];
  const two: T[] = [];
  for (const [value, slope] of slopes) {
    const gains = gainsOf(slope);
    for (const added of addedAt(graph, value, slopes, terms, given)) {
      inf.push(
        algebra.min([algebra.scale(gains.infToInf, added.inf), algebra.scale(gains.twoToInf, added.two)]),
      );
      two.push(
        algebra.min([algebra.scale(gains.infToTwo, added.inf), algebra.scale(gains.twoToTwo, added.two)]),
      );
    }
  }
  return { inf: algebra.sum(inf), two: algebra.sum(two) };
}

/** What a value adds of its own: its rounding, and what reaches it past the operands whose slopes are followed. */
function addedAt<T>(
  graph: Graph,
  value: Value,
  slopes: ReadonlyMap<Value, Slopes>,
  terms: (value: Value) => ErrorTerms<T> | undefined,
  given: (value: Value) => Errors<T>,
): readonly Errors<T>[] {
  const node = nodeOf(graph, value);
  if (node.kind !== 'op') return [given(value)];
  const own = terms(value);
  if (own === undefined) return [];
  return [own.local, ...own.through.filter((_, i) => !slopes.has(node.operands[i] ?? -1))];
}

interface Gains {
  readonly infToInf: Bound;
  readonly twoToInf: Bound;
  readonly infToTwo: Bound;
  readonly twoToTwo: Bound;
}

/** Norms of the magnitudes `|center| + radius`, by rows; the 2 → 2 gain is at most the Frobenius norm. */
function gainsOf({ center, radius }: Slopes): Gains {
  const [rows = 1] = center.shape;
  const columns = center.data.length / rows;
  let largestSum = 0;
  let largestSquares = 0;
  let sumsSquared = 0;
  let squares = 0;
  for (let k = 0; k < rows; k++) {
    let sum = 0;
    let square = 0;
    for (let j = k * columns; j < (k + 1) * columns; j++) {
      const most = Math.abs(center.data[j] ?? 0) + (radius.data[j] ?? 0);
      sum += most;
      square += most * most;
    }
    largestSum = Math.max(largestSum, sum);
    largestSquares = Math.max(largestSquares, square);
    sumsSquared += sum * sum;
    squares += square;
  }
  // Two roundings a term and one for the magnitude.
  const up = (x: number): number => sumUp(x, 3 * columns + rows + 8);
  const tiny = sqrtUp(columns * 2 ** -1070);
  return {
    infToInf: finite(up(largestSum)),
    twoToInf: finite(addUp(sqrtUp(up(largestSquares)), tiny)),
    infToTwo: finite(addUp(sqrtUp(up(sumsSquared)), tiny)),
    twoToTwo: finite(addUp(sqrtUp(up(squares)), sqrtUp(rows) * tiny)),
  };
}

/** Slopes past the range of float64 say nothing, and the other domains then do. */
function finite(x: number): Bound {
  return Number.isFinite(x) ? fromNumber(x) : UNBOUNDED;
}
