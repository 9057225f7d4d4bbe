import type { BoundRules } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import { multiply, ONE, ZERO } from '../../numeric/bound.ts';
import { gamma32, repeats, rootOf, summedCap, times } from './range.ts';
import * as slopes from './slopes.ts';
import { computed, exact, gained } from './terms.ts';

/** The same elements under another shape or in another order. */
export function view<K extends 'reshape' | 'transpose'>(
  known: NonNullable<BoundRules<K>['known']>,
): BoundRules<K> {
  return { range: ({ range }) => range(0), error: (context) => exact(context, [context.error(0)]), known };
}

/** Some of the elements. */
export const slice: BoundRules<'slice'> = {
  range: ({ range }) => range(0),
  error: (context) => exact(context, [context.error(0)]),
};

/** The elements and zeros. */
export const pad: BoundRules<'pad'> = {
  range: ({ range }) => ({ ...range(0), away: ZERO }),
  error: (context) => exact(context, [context.error(0)]),
};

export const broadcastTo: BoundRules<'broadcastTo'> = {
  range: ({ range, operandTypes, type }) => {
    const x = range(0);
    return { ...x, norm2: multiply(rootOf(repeats(operandTypes[0]?.shape ?? [], type.shape)), x.norm2) };
  },
  error: (context) => {
    const ratio = repeats(context.operandTypes[0]?.shape ?? [], context.type.shape);
    return exact(context, [gained(context.algebra, context.error(0), ONE, rootOf(ratio))]);
  },
};

/** Exact, and each row has one 1. */
export const oneHot: BoundRules<'oneHot'> = {
  range: ({ operandTypes }) => ({
    pos: ONE,
    neg: ZERO,
    norm2: rootOf(sizeOf(operandTypes[0]?.shape ?? [])),
    away: ZERO,
    cap: ONE,
    nonNegative: true,
  }),
  error: (context) => exact(context, [gained(context.algebra, context.error(0), ZERO)]),
};

/** `|Σ x̂ − Σ x| ≤ n·e` in ∞, `√n·e` in 2; accumulation `γ_{n−1}·Σ|x̂|`. */
export const sum: BoundRules<'sum'> = {
  slopes: slopes.sum,
  range: ({ range, operandTypes, type }) => {
    const x = range(0);
    const terms = termsOf(operandTypes[0]?.shape ?? [], type.shape);
    return {
      pos: times(x.pos, terms),
      neg: times(x.neg, terms),
      norm2: multiply(rootOf(terms), x.norm2),
      // Two or more such terms, rounded, are more than one.
      away: x.nonNegative ? x.away : ZERO,
      cap: summedCap(x.cap, terms),
      nonNegative: x.nonNegative,
    };
  },
  error: (context) => {
    const { algebra, operandTypes, type } = context;
    const shape = operandTypes[0]?.shape ?? [];
    const terms = termsOf(shape, type.shape);
    const summed = [times(ONE, terms), rootOf(terms)] as const;
    const magnitudes = computed(algebra, context.range(0), context.error(0), sizeOf(shape));
    const accumulation = gained(algebra, gained(algebra, magnitudes, ...summed), gamma32(terms - 1));
    return { through: [gained(algebra, context.error(0), ...summed)], local: accumulation };
  },
};

export function termsOf(from: readonly number[], to: readonly number[]): number {
  return sizeOf(from) / sizeOf(to);
}
