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
import { bound, gamma32, magnitude, rootOf, times } from './range.ts';
import { computed, everywhere, gained } from './terms.ts';

const HALF = bound(0.5);

/** Elements in each group over which moments are taken. */
function countOf(from: readonly number[], axes: readonly number[]): number {
  return axes.reduce((count, axis) => count * (from[axis] ?? 1), 1);
}

/**
 * The standard deviation is `‖x − μ‖₂/√n`, a seminorm: `|σ̂ − σ| ≤ e_σ = ‖x̂ − x‖₂/√n ≤ e_∞`, so that `|σ̂² − σ²| ≤ e_σ·(2σ + e_σ)`, with
 * `σ ≤ (pos + neg)/2` (Popoviciu 1935) and `σ ≤ ‖x‖₂/√n`. Two passes in float32 round `n + 5` times at computed magnitudes.
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
    const rounding = algebra.scale(times(gamma32(count + 5), 8), algebra.product([hat, hat]));
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

/**
 * The Jacobian is `(I − 11ᵀ/n − x̂x̂ᵀ/n)/s`, a contraction divided by `s = √(σ² + ε) ≥ √ε`: gain `1/√ε` in 2. In ∞, `|x̂ᵢ| ≤ √n` gives
 * `(2 + √n)/√ε`. A result is at most `√(n − 1)` and its 2-norm at most that of ones.
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
      cap: UNBOUNDED,
      nonNegative: false,
    };
  },
  error: (context) => {
    const { algebra, attributes, operandTypes } = context;
    const shape = operandTypes[0]?.shape ?? [];
    const count = countOf(shape, attributes.axes);
    const steepest = divide(ONE, sqrtDown(bound(attributes.epsilon)));
    const e = context.error(0);
    const inf = multiply(steepest, add(bound(2), rootOf(count)));
    const size = sizeOf(shape);
    const hat = computed(algebra, context.range(0), e, size).inf;
    // The mean, the deviations and σ are rounded at the size of x̂, and divided by √ε at worst.
    const rounding = algebra.scale(
      times(multiply(gamma32(count + 8), multiply(steepest, add(ONE, rootOf(count)))), 4),
      hat,
    );
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
    cap: bound(1 + 2 ** -10),
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
      // exp to 8 units in the last place, its argument rounded where the result is at most e^{−t}·t, a sum, a quotient.
      local: gained(
        algebra,
        { inf: algebra.constant(ONE), two: algebra.constant(rootOf(rows)) },
        gamma32((type.shape.at(-1) ?? 1) + 16),
      ),
    };
  },
};

function rowsOf(shape: readonly number[]): number {
  return sizeOf(shape.slice(0, -1));
}

/**
 * `Σ tₖ·(logΣexp z − zₖ)`, t a distribution: gain 2 from ∞ to ∞ and √2 from 2 to 2, for `‖softmax z − t‖₁ ≤ 2` and `‖softmax z − t‖₂ ≤ √2`.
 */
export const softmaxCrossEntropy: BoundRules<'softmaxCrossEntropy'> = {
  range: ({ range, operandTypes, type }) => {
    const most = surprise(magnitude(range(0)), operandTypes[0]?.shape.at(-1) ?? 1);
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
    const hat = computed(algebra, context.range(0), logits, sizeOf(operandTypes[0]?.shape ?? [])).inf;
    const most = algebra.sum([algebra.scale(bound(2), hat), algebra.constant(logarithm(classes))]);
    const target = algebra.scale(times(ONE, classes), algebra.product([context.error(1).inf, most]));
    return {
      through: [
        { inf: algebra.scale(bound(2), logits.inf), two: algebra.scale(rootOf(2), logits.two) },
        everywhere(algebra, target, size),
      ],
      local: everywhere(
        algebra,
        algebra.scale(gamma32(2 * classes + 24), algebra.sum([most, algebra.constant(ONE)])),
        size,
      ),
    };
  },
};

/** `logΣexp z − zₖ ≤ 2·max|z| + log K`. */
function surprise(mag: Bound, classes: number): Bound {
  return add(add(mag, mag), logarithm(classes));
}

function logarithm(classes: number): Bound {
  return bound(Math.log(classes) * (1 + 2 ** -40));
}
