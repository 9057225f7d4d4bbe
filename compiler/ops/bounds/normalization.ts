import type { BoundRules } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import {
  add,
  type Bound,
  divide,
  min,
  multiply,
  ONE,
  sqrtDown,
  UNBOUNDED,
  ZERO,
} from '../../numeric/bound.ts';
import { bound, gamma32, rootOf, times, UNDERFLOW } from './range.ts';
import { computed, everywhere, gained } from './terms.ts';

const HALF = bound(0.5);

/** Elements in each group over which moments are taken. */
function countOf(from: readonly number[], axes: readonly number[]): number {
  return axes.reduce((count, axis) => count * (from[axis] ?? 1), 1);
}

/**
 * The standard deviation is `‖x − μ‖₂/√n`, a seminorm: `|σ̂ − σ| ≤ e_σ = ‖x̂ − x‖₂/√n ≤ e_∞`, so that `|σ̂² − σ²| ≤ e_σ·(2σ + e_σ)`, with
 * `σ ≤ (pos + neg)/2` (Popoviciu 1935) and `σ ≤ ‖x‖₂/√n`. In two passes the mean is off by `Δ ≤ γ_n·max|x̂|`, the mean square about it is
 * `σ̂² + Δ²`, and n + 3 roundings follow: `γ_{n+3}·(σ̂² + Δ²) + Δ²` with `σ̂ ≤ max|x̂|`. Squares and the quotient may underflow.
 */
export const variance: BoundRules<'variance'> = {
  range: ({ range, operandTypes, attributes, type }) => {
    const x = range(0);
    const count = countOf(operandTypes[0]?.shape ?? [], attributes.axes);
    const sigma = deviation(x.pos, x.neg, x.norm2, count);
    const top = multiply(sigma, sigma);
    return {
      pos: top,
      neg: ZERO,
      norm2: multiply(rootOf(sizeOf(type.shape)), top),
      away: ZERO,
      cap: UNBOUNDED,
      nonNegative: true,
    };
  },
  error: (context) => {
    const { algebra, attributes, operandTypes, type } = context;
    const shape = operandTypes[0]?.shape ?? [];
    const count = countOf(shape, attributes.axes);
    const x = context.range(0);
    const e = context.error(0);
    const shift = algebra.min([e.inf, algebra.scale(divide(ONE, lowRoot(count)), e.two)]);
    const sigma = deviation(x.pos, x.neg, x.norm2, count);
    const change = algebra.product([shift, algebra.sum([algebra.constant(add(sigma, sigma)), shift])]);
    const hat = computed(algebra, x, e, sizeOf(shape)).inf;
    const drift = gamma32(count);
    const after = gamma32(count + 3);
    const rounding = algebra.sum([
      algebra.scale(
        add(after, multiply(add(ONE, after), multiply(drift, drift))),
        algebra.product([hat, hat]),
      ),
      algebra.constant(times(UNDERFLOW, 3)),
    ]);
    const size = sizeOf(type.shape);
    return { through: [everywhere(algebra, change, size)], local: everywhere(algebra, rounding, size) };
  },
};

function deviation(pos: Bound, neg: Bound, norm2: Bound, count: number): Bound {
  return min(multiply(HALF, add(pos, neg)), divide(norm2, lowRoot(count)));
}

function lowRoot(n: number): Bound {
  return sqrtDown(bound(n));
}

/** `max σ²/(σ² + ε)^{3/2} = 2/(3·√3)/√ε`, rounded up. */
const STEEPEST_MOMENT = bound(0.3849001794597506);

/**
 * The Jacobian is `(I − 11ᵀ/n − yyᵀ/n)/s`, a contraction divided by `s = √(σ² + ε) ≥ √ε`: gain `1/√ε` in 2. In ∞ a row of the first two
 * sums to `2 − 2/n` and one of the third to `|yᵢ|·mean|y| ≤ √(n−1)·σ²/s²`, for `mean|y| ≤ σ/s`. A result is at most `√(n − 1)`, a computed
 * one `√n` and its roundings, and the 2-norm at most that of ones.
 */
export const standardize: BoundRules<'standardize'> = {
  range: ({ operandTypes, attributes }) => {
    const shape = operandTypes[0]?.shape ?? [];
    const count = countOf(shape, attributes.axes);
    const most = rootOf(Math.max(count - 1, 0));
    return {
      pos: most,
      neg: most,
      norm2: rootOf(sizeOf(shape)),
      away: ZERO,
      cap: multiply(rootOf(count), add(ONE, gamma32(count + 8))),
      nonNegative: false,
    };
  },
  error: (context) => {
    const { algebra, attributes, operandTypes } = context;
    const shape = operandTypes[0]?.shape ?? [];
    const count = countOf(shape, attributes.axes);
    const steepest = divide(ONE, sqrtDown(bound(attributes.epsilon)));
    const e = context.error(0);
    const inf = multiply(
      steepest,
      add(bound(2 - 2 / count), multiply(STEEPEST_MOMENT, rootOf(Math.max(count - 1, 0)))),
    );
    const size = sizeOf(shape);
    const hat = computed(algebra, context.range(0), e, size).inf;
    // A mean off by Δ ≤ γ_n·max|x̂| moves deviations by Δ and s by at most Δ, together Δ·(1 + √n)/√ε; the roundings that follow are relative to
    // the result, which is at most 2·max|x̂|/√ε: half of n + 3 for the variance, and six.
    const rounding = algebra.sum([
      algebra.scale(multiply(gamma32(count + 8), multiply(steepest, add(bound(2), rootOf(count)))), hat),
      algebra.constant(add(UNDERFLOW, multiply(UNDERFLOW, multiply(steepest, add(bound(2), rootOf(count)))))),
    ]);
    return {
      through: [gained(algebra, e, inf, steepest)],
      local: everywhere(algebra, rounding, size),
    };
  },
};

/** Rows of probabilities: ½ from ∞ to ∞ and from 2 to 2, for the Jacobian is `diag(p) − ppᵀ`; capped by its range. */
export const softmax: BoundRules<'softmax'> = {
  range: ({ type }) => ({
    pos: ONE,
    neg: ZERO,
    norm2: rootOf(rowsOf(type.shape)),
    away: ZERO,
    cap: add(ONE, gamma32((type.shape.at(-1) ?? 1) + 16)),
    nonNegative: true,
  }),
  error: (context) => {
    const { algebra, type } = context;
    const rows = rowsOf(type.shape);
    const e = context.error(0);
    const half = gained(algebra, e, HALF);
    return {
      through: [
        {
          inf: algebra.min([half.inf, algebra.constant(ONE)]),
          two: algebra.min([half.two, algebra.constant(rootOf(2 * rows))]),
        },
      ],
      // exp to 8 units in the last place above and below, `p·(1 − p)·32u`, and a sum of K terms, `p·K·u`: at most K + 8 for every p. The arguments
      // are rounded where the result is at most e^{−t}·t, and the quotient is.
      local: gained(
        algebra,
        { inf: algebra.constant(ONE), two: algebra.constant(rootOf(rows)) },
        gamma32((type.shape.at(-1) ?? 1) + 12),
      ),
    };
  },
};

function rowsOf(shape: readonly number[]): number {
  return sizeOf(shape.slice(0, -1));
}

/**
 * `Σ tₖ·(logΣexp z − zₖ)`, t a distribution: gain 2 from ∞ to ∞ and √2 from 2 to 2, for `‖softmax z − t‖₁ ≤ 2` and `‖softmax z − t‖₂ ≤ √2`.
 * Each surprise `logΣexp z − zₖ` is at most `max z − min z + log K`.
 */
export const softmaxCrossEntropy: BoundRules<'softmaxCrossEntropy'> = {
  range: ({ range, operandTypes, type }) => {
    const { pos: above, neg: below } = range(0);
    const most = add(add(above, below), logarithm(operandTypes[0]?.shape.at(-1) ?? 1));
    return {
      pos: most,
      neg: ZERO,
      norm2: multiply(rootOf(sizeOf(type.shape)), most),
      away: ZERO,
      cap: UNBOUNDED,
      nonNegative: false,
    };
  },
  error: (context) => {
    const { algebra, operandTypes, type } = context;
    const classes = operandTypes[0]?.shape.at(-1) ?? 1;
    const size = sizeOf(type.shape);
    const logits = context.error(0);
    const { pos, neg } = context.range(0);
    const most = algebra.sum([
      algebra.constant(add(add(pos, neg), logarithm(classes))),
      algebra.scale(bound(2), logits.inf),
    ]);
    const e = context.error(1);
    const lost = algebra.min([
      algebra.scale(times(ONE, classes), e.inf),
      algebra.scale(rootOf(classes), e.two),
    ]);
    const target = algebra.product([lost, most]);
    return {
      through: [
        { inf: algebra.scale(bound(2), logits.inf), two: algebra.scale(rootOf(2), logits.two) },
        everywhere(algebra, target, size),
      ],
      // Differences, exp to 8 units in the last place, its sum, log, products and their sum, at most K + 20 roundings of a surprise or of 1,
      // weighted by the computed target, which sums to at most 1 and its error.
      local: everywhere(
        algebra,
        algebra.scale(
          gamma32(classes + 20),
          algebra.product([
            algebra.sum([algebra.constant(ONE), lost]),
            algebra.sum([most, algebra.constant(ONE)]),
          ]),
        ),
        size,
      ),
    };
  },
};

function logarithm(classes: number): Bound {
  return bound(Math.log(classes) * (1 + 2 ** -40));
}
