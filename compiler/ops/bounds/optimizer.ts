import type { BoundRules } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { OpAttributes } from '../../ir/op-attributes.ts';
import {
  add,
  addDown,
  type Bound,
  divide,
  min,
  multiply,
  multiplyDown,
  ONE,
  sqrt,
  sqrtDown,
  UNBOUNDED,
  ZERO,
} from '../../numeric/bound.ts';
import { bound, gamma32, magnitude, UNDERFLOW } from './range.ts';
import { added, computed, everywhere, gained } from './terms.ts';

type Settings = OpAttributes['adamDirection'];

/**
 * The largest `|m̂|/√v̂` of any gradient sequence, by Cauchy and Schwarz on the sums that m and v are: after t steps
 * `(1−β₁)/(1−β₁ᵗ)·√((1−β₂ᵗ)/(1−β₂))·√((1−rᵗ)/(1−r))` with `r = β₁²/β₂`. With `a = β₂ᵗ` and `b = rᵗ`, `(1−a)(1−b) ≤ (1−√(ab))²` and
 * `√(ab) = β₁ᵗ`, so that it is at most its limit; 7.27 at β = 0.9, 0.999 (Kingma & Ba 2015, section 2.1 bounds the same ratio). A
 * thousandth more covers the rounding of m and v in float32. UNBOUNDED where r ≥ 1.
 */
export function adamCap({ beta1, beta2 }: Pick<Settings, 'beta1' | 'beta2'>): Bound {
  const r = beta1 ** 2 / beta2;
  if (r >= 1) return UNBOUNDED;
  return bound(((1 - beta1) / Math.sqrt((1 - beta2) * (1 - r))) * (1 + 2 ** -10));
}

/**
 * `m̂/(√v̂ + ε)`. Its change is at most `(e_m̂ + |d|·√e_v̂)/(√v̂ + ε)`, the quotient rule with `|√a − √b| ≤ √|a − b|`, and, where m and v are
 * those of one gradient sequence, at most twice the cap of |d|.
 */
export const adamDirection: BoundRules<'adamDirection'> = {
  range: ({ range, attributes }) => {
    const [m, v] = [range(0), range(1)];
    const inverse = steepest(attributes, v.away, range(3).away);
    const quotient = multiply(multiply(magnitude(m), magnitude(range(2))), inverse);
    const cap = attributes.exactState ? adamCap(attributes) : UNBOUNDED;
    const most = min(quotient, cap);
    return {
      pos: most,
      neg: m.nonNegative ? ZERO : most,
      norm2: multiply(multiply(m.norm2, magnitude(range(2))), inverse),
      away: ZERO,
      cap,
      nonNegative: m.nonNegative,
    };
  },
  error: (context) => {
    const { algebra, attributes, type } = context;
    const size = sizeOf(type.shape);
    const inverse = steepest(attributes, context.range(1).away, context.range(3).away);
    const direction = magnitude(context.result);
    const first = gained(algebra, context.error(0), multiply(magnitude(context.range(2)), inverse));
    const root = algebra.scale(sqrt(magnitude(context.range(3))), algebra.sqrt(context.error(1).inf));
    const second = everywhere(algebra, algebra.scale(multiply(direction, inverse), root), size);
    // One after another v, c₂, m and c₁ become what is computed. `|1 − √(c₂/ĉ₂)| ≤ e/(2·away)` of what is there then, `|1 − ĉ₁/c₁| ≤ e/away`.
    const relative = (i: number) => algebra.scale(divideBy(ONE, context.range(i).away), context.error(i).inf);
    const afterV = algebra.sum([algebra.constant(direction), second.inf]);
    const hyper2 = algebra.scale(bound(0.5), algebra.product([afterV, relative(3)]));
    const hyper1 = algebra.product([algebra.sum([afterV, hyper2, first.inf]), relative(2)]);
    const through = [first, second, everywhere(algebra, hyper1, size), everywhere(algebra, hyper2, size)];
    const value = computed(algebra, context.result, added(algebra, through), size);
    // A product, a quotient and a sum, and under them a root with half of the rounding of its product, or ε: 4½ roundings. A product that
    // underflows is off by its last place, under the root by the root of it.
    const lost = add(UNDERFLOW, multiply(inverse, add(UNDERFLOW, multiply(direction, sqrt(UNDERFLOW)))));
    const local = added(algebra, [
      gained(algebra, value, gamma32(5)),
      everywhere(algebra, algebra.constant(lost), size),
    ]);
    return { through, local };
  },
};

/** `1 / (√(v̂ least) + ε)`, rounded up; ε is the nearest float32 of what is written. */
function steepest({ epsilon }: Settings, v: Bound, correction: Bound): Bound {
  const root = sqrtDown(multiplyDown(v, correction));
  return divide(ONE, multiplyDown(addDown(root, bound(epsilon)), bound(1 - 2 ** -20)));
}

function divideBy(x: Bound, away: Bound): Bound {
  return away.mantissa === 0 ? UNBOUNDED : divide(x, away);
}
