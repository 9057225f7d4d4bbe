import type { ErrorAlgebra, Errors, ErrorTerms } from '../../ir/bound-rules.ts';
import type { Graph, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import type { Slopes } from '../../ir/slopes.ts';
import { type Bound, fromNumber, toNumber, UNBOUNDED } from '../../numeric/bound.ts';

/**
 * The first-order adjoint with its remainder enclosed. Leave out the roundings of F one after the other, in the order of the graph: each
 * step changes an output by what that one rounding adds at computed operands, times slopes of the *real* rest of the network, which {@link Slopes}
 * hold between any two points. No second-order term is left over.
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

/** The same for each element of the output by itself, as float64 numbers rounded up. */
export function elementErrors(
  graph: Graph,
  slopes: ReadonlyMap<Value, Slopes>,
  terms: (value: Value) => ErrorTerms<Bound> | undefined,
  given: (value: Value) => Errors<Bound>,
): Float64Array {
  let errors = new Float64Array(0);
  for (const [value, slope] of slopes) {
    const rows = rowGains(slope);
    if (errors.length === 0) errors = new Float64Array(rows.length);
    for (const added of addedAt(graph, value, slopes, terms, given)) {
      const [inf, two] = [toNumber(added.inf), toNumber(added.two)];
      if (two === 0) continue;
      rows.forEach((row, k) => {
        errors[k] = (errors[k] ?? 0) + Math.min(row.one * inf, row.two * two) * (1 + 2 ** -50);
      });
    }
  }
  return errors.map((e) => e * (1 + 2 ** -40));
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

/** 1-norm and 2-norm that no row of slopes exceeds. */
function rowGains({ center, rest }: Slopes): readonly { readonly one: number; readonly two: number }[] {
  const [rows = 1] = center.shape;
  const columns = center.data.length / rows;
  const root = Math.sqrt(columns);
  const up = 1 + (columns + 8) * 2 ** -51;
  return Array.from({ length: rows }, (_, k) => {
    let sum = 0;
    let squares = 0;
    for (let j = k * columns; j < (k + 1) * columns; j++) {
      const c = Math.abs(center.data[j] ?? 0);
      sum += c;
      squares += c * c;
    }
    const more = rest[k] ?? 0;
    return { one: (sum + root * more) * up, two: (Math.sqrt(squares) + more) * up };
  });
}

function gainsOf(slopes: Slopes): Gains {
  const rows = rowGains(slopes);
  const largest = (of: (row: { readonly one: number; readonly two: number }) => number): number =>
    rows.reduce((most, row) => Math.max(most, of(row)), 0);
  const root = (of: (row: { readonly one: number; readonly two: number }) => number): number =>
    Math.sqrt(rows.reduce((total, row) => total + of(row) ** 2, 0)) * (1 + (rows.length + 4) * 2 ** -51);
  return {
    infToInf: finite(largest(({ one }) => one)),
    twoToInf: finite(largest(({ two }) => two)),
    infToTwo: finite(root(({ one }) => one)),
    twoToTwo: finite(root(({ two }) => two)),
  };
}

/** Slopes past the range of float64 say nothing, and the other domains then do. */
function finite(x: number): Bound {
  return Number.isFinite(x) ? fromNumber(x) : UNBOUNDED;
}
