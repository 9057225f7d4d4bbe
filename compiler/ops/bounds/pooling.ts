import type { BoundRules, Errors } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { PoolWindow } from '../../ir/op-attributes.ts';
import { add, min, multiply, ONE, ZERO } from '../../numeric/bound.ts';
import { forEachWindow } from '../pooling/evaluate.ts';
import { windowOverlap } from '../window.ts';
import { ANY_ERROR, gamma32, magnitude, rootOf, summedCap, times } from './range.ts';
import * as slopes from './slopes.ts';
import { charged, chargedByMargin, computed, exact, gained, lowered } from './terms.ts';

/** Sums of up to `terms` elements, each of which enters up to `uses` of them: gain `terms` in ∞, `√(terms·uses)` in 2. */
function windowSum<K extends 'sumPool' | 'sumPoolGrad'>(
  counts: (window: PoolWindow) => { readonly terms: number; readonly uses: number },
): BoundRules<K> {
  return {
    range: ({ range, attributes }) => {
      const x = range(0);
      const { terms, uses } = counts(attributes);
      return {
        pos: times(x.pos, terms),
        neg: times(x.neg, terms),
        norm2: multiply(rootOf(terms * uses), x.norm2),
        away: ZERO,
        cap: summedCap(x.cap, terms),
        nonNegative: x.nonNegative,
      };
    },
    error: (context) => {
      const { algebra, attributes, operandTypes } = context;
      const { terms, uses } = counts(attributes);
      const sum = [times(ONE, terms), rootOf(terms * uses)] as const;
      const x = computed(algebra, context.range(0), context.error(0), sizeOf(operandTypes[0]?.shape ?? []));
      return {
        through: [gained(algebra, context.error(0), ...sum)],
        local: gained(algebra, gained(algebra, x, ...sum), gamma32(terms - 1)),
      };
    },
  };
}

export const sumPool: BoundRules<'sumPool'> = {
  slopes: slopes.sumPool,
  ...windowSum<'sumPool'>((window) => ({
    terms: sizeOf(window.kernel),
    uses: windowOverlap(window.kernel, window.strides),
  })),
};

export const sumPoolGrad = windowSum<'sumPoolGrad'>((window) => ({
  terms: windowOverlap(window.kernel, window.strides),
  uses: sizeOf(window.kernel),
}));

/** Non-expansive in ∞; in 2 an element may win in every window in which it lies. */
export const maxPool: BoundRules<'maxPool'> = {
  slopes: slopes.maxPool,
  range: ({ range, attributes }) => {
    const x = range(0);
    return { ...x, norm2: multiply(rootOf(windowOverlap(attributes.kernel, attributes.strides)), x.norm2) };
  },
  error: (context) => {
    const uses = rootOf(windowOverlap(context.attributes.kernel, context.attributes.strides));
    return exact(context, [gained(context.algebra, context.error(0), ONE, uses)]);
  },
};

/**
 * The routing is discontinuous in x. A window whose winner is the same passes on `e_δ`; one whose winner changed loses δ at one place and
 * has δ̂ at another: at most `|δ| + e_δ` at each, so that `√2·‖δ‖` is charged beside what passes.
 */
export const maxPoolRoute: BoundRules<'maxPoolRoute'> = {
  range: ({ range, attributes }) => {
    const delta = range(1);
    const uses = windowOverlap(attributes.kernel, attributes.strides);
    return {
      ...delta,
      pos: times(delta.pos, uses),
      neg: times(delta.neg, uses),
      norm2: multiply(rootOf(uses), delta.norm2),
      away: ZERO,
      cap: summedCap(delta.cap, uses),
    };
  },
  error: (context) => {
    const { algebra, attributes, operandTypes } = context;
    const delta = context.range(1);
    const uses = windowOverlap(attributes.kernel, attributes.strides);
    const sum = [times(ONE, uses), rootOf(uses)] as const;
    const moved: Errors<ReturnType<typeof algebra.constant>> = {
      inf: algebra.constant(times(magnitude(delta), uses)),
      two: algebra.constant(multiply(rootOf(2 * uses), delta.norm2)),
    };
    const point = context.at?.(0);
    const routed =
      point === undefined
        ? charged(algebra, context.error(0), ANY_ERROR, moved)
        : chargedByMargin(
            algebra,
            context.error(0),
            context.memo(0, `half gaps ${attributes.kernel} ${attributes.strides} ${attributes.pads}`, () =>
              lowered(halfGaps(point, attributes)),
            ),
            // A window moves δ from one place to another.
            (count) => ({
              inf: times(magnitude(delta), uses),
              two: min(
                multiply(rootOf(2 * uses), delta.norm2),
                multiply(rootOf(2 * uses * count), magnitude(delta)),
              ),
            }),
          );
    const through = [routed, gained(algebra, context.error(1), ...sum)];
    if (uses === 1) return exact(context, through);
    const size = sizeOf(operandTypes[1]?.shape ?? []);
    const hats = gained(algebra, computed(algebra, delta, context.error(1), size), ...sum);
    return { through, local: gained(algebra, hats, gamma32(uses - 1)) };
  },
};

/** Half the distance of the largest element of each window from the next: an error below it changes no winner. */
function halfGaps(x: NdArray, window: PoolWindow): Float64Array {
  const first: number[] = [];
  const second: number[] = [];
  forEachWindow(x.shape, window, (output, input) => {
    const value = x.data[input] ?? 0;
    const leader = first[output] ?? -Infinity;
    if (value > leader) {
      second[output] = leader;
      first[output] = value;
    } else second[output] = Math.max(second[output] ?? -Infinity, value);
  });
  // A window of one element has no other winner.
  return Float64Array.from(first, (leader, i) =>
    Math.min((leader - (second[i] ?? -Infinity)) / 2, Number.MAX_VALUE),
  );
}

/**
 * Picks `u` at the winner: another winner gives another element, `max u − min u` away at most. Over all windows
 * `Σ(u′ − u)² ≤ 2·Σ(u′² + u²)`, and an element is in `uses` windows.
 */
export const maxPoolPick: BoundRules<'maxPoolPick'> = {
  range: ({ range, attributes }) => {
    const u = range(1);
    return { ...u, norm2: multiply(rootOf(windowOverlap(attributes.kernel, attributes.strides)), u.norm2) };
  },
  error: (context) => {
    const { algebra, attributes } = context;
    const u = context.range(1);
    const uses = windowOverlap(attributes.kernel, attributes.strides);
    const other: Errors<ReturnType<typeof algebra.constant>> = {
      inf: algebra.constant(add(u.pos, u.neg)),
      two: algebra.constant(multiply(rootOf(2 * uses), u.norm2)),
    };
    return exact(context, [
      charged(algebra, context.error(0), ANY_ERROR, other),
      gained(algebra, context.error(1), ONE, rootOf(uses)),
    ]);
  },
};
