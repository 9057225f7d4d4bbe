import type { BoundRules, ErrorContext, Errors, Range, RangeContext } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import {
  add,
  type Bound,
  compare,
  divide,
  fromNumber,
  isUnbounded,
  max,
  min,
  multiply,
  multiplyDown,
  ONE,
  sqrt,
  sqrtDown,
  toNumber,
  UNBOUNDED,
  ZERO,
} from '../../numeric/bound.ts';
import {
  ANY_ERROR,
  bound,
  gamma32,
  isPositive,
  magnitude,
  repeats,
  rootOf,
  roundedCap,
  roundedProductCap,
  shrunk,
  shrunkProduct,
  symmetric,
} from './range.ts';
import * as slopes from './slopes.ts';
import { charged, chargedByMargin, computed, everywhere, exact, gained, lowered, rounded } from './terms.ts';

function broadcastRange<K extends OpName>(context: RangeContext<K>, i: number): Range {
  const range = context.range(i);
  const ratio = repeats(context.operandTypes[i]?.shape ?? [], context.type.shape);
  return ratio === 1 ? range : { ...range, norm2: multiply(rootOf(ratio), range.norm2) };
}

function broadcastError<K extends OpName, T>(context: ErrorContext<K, T>, i: number): Errors<T> {
  const e = context.error(i);
  const ratio = repeats(context.operandTypes[i]?.shape ?? [], context.type.shape);
  return ratio === 1 ? e : gained(context.algebra, e, ONE, rootOf(ratio));
}

/** `|f(x̂) − f(x)| ≤ |x̂ − x|` elementwise, without rounding. */
const nonExpansive = <K extends OpName, T>(context: ErrorContext<K, T>) => exact(context, [context.error(0)]);

export const neg: BoundRules<'neg'> = {
  range: ({ range }) => {
    const x = range(0);
    return { ...x, pos: x.neg, neg: x.pos, nonNegative: compare(x.cap, ZERO) === 0 };
  },
  error: nonExpansive,
};

export const abs: BoundRules<'abs'> = {
  range: ({ range }) => ({ ...range(0), pos: magnitude(range(0)), neg: ZERO, nonNegative: true }),
  error: nonExpansive,
};

export const relu: BoundRules<'relu'> = {
  slopes: slopes.relu,
  range: ({ range }) => {
    const x = range(0);
    return { ...x, neg: ZERO, away: isPositive(x) ? x.away : ZERO, nonNegative: true };
  },
  error: nonExpansive,
};

export const stopGradient: BoundRules<'stopGradient'> = {
  slopes: slopes.identity,
  range: ({ range }) => range(0),
  error: nonExpansive,
  known: ([x]) => x ?? missing(),
};

/** The derivative of relu is discontinuous: an element that may be on the other side of 0 is charged in full. */
export const step: BoundRules<'step'> = {
  range: ({ range, type }) => {
    const x = range(0);
    const pos = compare(x.pos, ZERO) === 0 ? ZERO : ONE;
    const away = isPositive(x) ? ONE : ZERO;
    return { pos, neg: ZERO, norm2: rootOf(sizeOf(type.shape)), away, cap: ONE, nonNegative: true };
  },
  error: (context) => {
    const { algebra, range, type } = context;
    if (isPositive(range(0))) return exact(context, [gained(algebra, context.error(0), ZERO)]);
    const point = context.at?.(0);
    if (point !== undefined) {
      const margins = context.memo(0, 'margins from 0', () => lowered(point.data.map(Math.abs)));
      const level = (count: number) => ({ inf: ONE, two: rootOf(count) });
      return exact(context, [chargedByMargin(algebra, context.error(0), margins, level)]);
    }
    const one = everywhere(algebra, algebra.constant(ONE), sizeOf(type.shape));
    return exact(context, [charged(algebra, context.error(0), ANY_ERROR, one)]);
  },
};

/** Doublings of the error over which the slope of exp is taken to be constant; float64 has no exponential of the last. */
const EXP_STEPS = 10;

/** `|eˣ̂ − eˣ| ≤ eˣ·(e^ε − 1)`, and `e^ε − 1 ≤ (e − 1)·ε` up to ε = 1; beyond, a staircase that is above it. */
export const exp: BoundRules<'exp'> = {
  range: ({ range }) => {
    const x = range(0);
    const top = exponential(x.pos);
    return { ...symmetric(top, UNBOUNDED), neg: ZERO, nonNegative: true };
  },
  error: (context) => {
    const { algebra, type } = context;
    const e = context.error(0).inf;
    const small = algebra.scale(bound(1.7182818284590455), e);
    const stairs = Array.from({ length: EXP_STEPS }, (_, k) =>
      algebra.jump(e, bound(2 ** k), exponential(bound(2 ** (k + 1)))),
    );
    const growth = algebra.scale(exponential(context.range(0).pos), algebra.max([small, ...stairs]));
    const size = sizeOf(type.shape);
    // exp itself, to 8 units in the last place, and |x̂| of argument reduction are inside 16 units for |x̂| < 128 in float32. What is flushed
    // to 0 below the normal numbers is far inside 16 units of e⁰, the least that a range says of the largest result.
    return rounded(context, [everywhere(algebra, growth, size)], { unit: gamma32(16) });
  },
};

function exponential(x: Bound): Bound {
  const power = Math.exp(toNumber(x)) * (1 + 2 ** -40);
  return Number.isFinite(power) ? fromNumber(power) : UNBOUNDED;
}

export const log: BoundRules<'log'> = {
  range: ({ range }) => {
    const x = range(0);
    const pos = isUnbounded(x.pos) ? UNBOUNDED : logarithm(x.pos, 1);
    const neg = isPositive(x) ? logarithm(x.away, -1) : UNBOUNDED;
    return { ...symmetric(max(pos, neg), UNBOUNDED), pos, neg };
  },
  // A computed operand that may be 0 or of the other sign has no logarithm.
  error: (context) => {
    const x = context.range(0);
    const slope = isPositive(x) ? divide(ONE, x.away) : UNBOUNDED;
    return rounded(context, [gained(context.algebra, context.error(0), slope)], { unit: gamma32(8) });
  },
};

/** `max(sign·ln x, 0)`, rounded up: that of a bound from its mantissa and its exponent, which float64 may not hold. */
function logarithm({ mantissa, exponent }: Bound, sign: 1 | -1): Bound {
  if (mantissa === 0) return sign === 1 ? ZERO : UNBOUNDED;
  const value = Math.log(mantissa) + exponent * Math.LN2;
  return bound(Math.max(sign * value + Math.abs(exponent) * 2 ** -50, 0) * (1 + 2 ** -40));
}

/** `|√x̂ − √x| ≤ √|x̂ − x|`, and `≤ |x̂ − x| / (2·√away)` where both are away from 0. A computed operand below 0 has no root. */
export const sqrtRules: BoundRules<'sqrt'> = {
  range: ({ range, type }) => {
    const x = range(0);
    const top = sqrt(x.pos);
    return {
      pos: top,
      neg: ZERO,
      norm2: multiply(rootOf(sizeOf(type.shape)), top),
      away: x.nonNegative ? shrunk(sqrtDown(x.away)) : ZERO,
      cap: x.nonNegative && !isUnbounded(x.cap) ? roundedCap(sqrt(x.cap)) : UNBOUNDED,
      nonNegative: true,
    };
  },
  error: (context) => {
    const { algebra, type } = context;
    const e = context.error(0);
    const { away, nonNegative } = context.range(0);
    const size = sizeOf(type.shape);
    if (!nonNegative) return rounded(context, [gained(algebra, e, UNBOUNDED)]);
    const root = everywhere(algebra, algebra.sqrt(e.inf), size);
    if (away.mantissa === 0) return rounded(context, [root]);
    const lowest = sqrtDown(away);
    const steep = gained(algebra, e, divide(ONE, add(lowest, lowest)));
    return rounded(context, [
      { inf: algebra.min([root.inf, steep.inf]), two: algebra.min([root.two, steep.two]) },
    ]);
  },
};

export const addRules: BoundRules<'add'> = {
  slopes: slopes.add,
  range: (context) => {
    const [a, b] = [broadcastRange(context, 0), broadcastRange(context, 1)];
    const nonNegative = a.nonNegative && b.nonNegative;
    return {
      pos: add(a.pos, b.pos),
      neg: add(a.neg, b.neg),
      norm2: add(a.norm2, b.norm2),
      away: nonNegative ? shrunk(max(a.away, b.away)) : ZERO,
      cap: roundedCap(add(a.cap, b.cap)),
      nonNegative,
    };
  },
  error: (context) => rounded(context, [broadcastError(context, 0), broadcastError(context, 1)]),
};

export const subRules: BoundRules<'sub'> = {
  slopes: slopes.sub,
  range: (context) => {
    const [a, b] = [broadcastRange(context, 0), broadcastRange(context, 1)];
    return {
      pos: add(a.pos, b.neg),
      neg: add(a.neg, b.pos),
      norm2: add(a.norm2, b.norm2),
      away: ZERO,
      cap: roundedCap(add(a.cap, b.cap)),
      nonNegative: false,
    };
  },
  error: (context) => rounded(context, [broadcastError(context, 0), broadcastError(context, 1)]),
};

function product<K extends 'mul' | 'dequantize'>(): BoundRules<K> {
  return {
    range: (context) => {
      const [a, b] = [broadcastRange(context, 0), broadcastRange(context, 1)];
      const square = context.operands[0] === context.operands[1];
      const [ma, mb] = [magnitude(a), magnitude(b)];
      const nonNegative = square || (a.nonNegative && b.nonNegative);
      const both = (x: Bound, y: Bound): Bound => multiply(x, y);
      return {
        pos: square ? both(ma, mb) : max(both(a.pos, b.pos), both(a.neg, b.neg)),
        neg: nonNegative ? ZERO : max(both(a.pos, b.neg), both(a.neg, b.pos)),
        norm2: min(multiply(ma, b.norm2), multiply(mb, a.norm2)),
        away: shrunkProduct(multiplyDown(a.away, b.away)),
        cap: roundedProductCap(multiply(a.cap, b.cap)),
        nonNegative,
      };
    },
    // âb̂ − ab = (â − a)·b + â·(b̂ − b), or the same with the roles exchanged: the one whose computed factor has a cap.
    error: (context) => {
      const { algebra } = context;
      const first = isUnbounded(broadcastRange(context, 1).cap) ? 0 : 1;
      const real = (i: number) => magnitude(broadcastRange(context, i));
      const hat = (i: number) =>
        computed(algebra, context.range(i), context.error(i), sizeOf(context.operandTypes[i]?.shape ?? []))
          .inf;
      // Through one operand the other is real, through the other this one is computed.
      const through = [0, 1].map((i) => {
        const e = broadcastError(context, i);
        const other = 1 - i;
        if (i === first) return gained(algebra, e, real(other));
        const factor = hat(other);
        return { inf: algebra.product([factor, e.inf]), two: algebra.product([factor, e.two]) };
      });
      return rounded(context, through, { underflow: true });
    },
  };
}

export const mulRules: BoundRules<'mul'> = { ...product<'mul'>(), slopes: slopes.mul };
export const productBounds = product<'dequantize'>();

/** `â/b̂ − a/b = ((â − a) − (a/b)·(b̂ − b)) / b̂`. */
export const divRules: BoundRules<'div'> = {
  slopes: slopes.div,
  range: (context) => {
    const [a, b] = [broadcastRange(context, 0), broadcastRange(context, 1)];
    const over = (x: Bound): Bound => quotient(x, b.away);
    const nonNegative = a.nonNegative && b.nonNegative;
    return {
      pos: over(b.nonNegative ? a.pos : magnitude(a)),
      neg: nonNegative ? ZERO : over(b.nonNegative ? a.neg : magnitude(a)),
      norm2: over(a.norm2),
      away: ZERO,
      cap: roundedProductCap(isUnbounded(a.cap) ? UNBOUNDED : over(a.cap)),
      nonNegative,
    };
  },
  error: (context) => {
    const { algebra } = context;
    const { away } = context.range(1);
    const inverse = away.mantissa === 0 ? UNBOUNDED : divide(ONE, away);
    const numerator = gained(algebra, broadcastError(context, 0), inverse);
    const relative = multiply(inverse, magnitude(context.result));
    return rounded(context, [numerator, gained(algebra, broadcastError(context, 1), relative)], {
      underflow: true,
    });
  },
};

function quotient(x: Bound, away: Bound): Bound {
  if (x.mantissa === 0) return ZERO;
  return away.mantissa === 0 ? UNBOUNDED : divide(x, away);
}

/** `|min(â, b̂) − min(a, b)| ≤ max(|â − a|, |b̂ − b|)`, which their sum bounds. */
function extremum<K extends 'minimum' | 'maximum'>(range: BoundRules<K>['range']): BoundRules<K> {
  return {
    range,
    error: (context) => exact(context, [broadcastError(context, 0), broadcastError(context, 1)]),
  };
}

export const minimum = extremum<'minimum'>((context) => {
  const [a, b] = [broadcastRange(context, 0), broadcastRange(context, 1)];
  const nonNegative = a.nonNegative && b.nonNegative;
  return {
    pos: min(a.pos, b.pos),
    neg: max(a.neg, b.neg),
    norm2: add(a.norm2, b.norm2),
    away: min(a.away, b.away),
    cap: nonNegative ? min(a.cap, b.cap) : max(a.cap, b.cap),
    nonNegative,
  };
});

export const maximum = extremum<'maximum'>((context) => {
  const [a, b] = [broadcastRange(context, 0), broadcastRange(context, 1)];
  const positive = [a, b].filter(isPositive).map(({ away }) => away);
  return {
    pos: max(a.pos, b.pos),
    neg: min(a.neg, b.neg),
    norm2: add(a.norm2, b.norm2),
    away: positive.length > 0 ? positive.reduce((x, y) => max(x, y)) : min(a.away, b.away),
    cap: max(a.cap, b.cap),
    nonNegative: a.nonNegative || b.nonNegative,
  };
});

function missing(): never {
  throw new Error('an operand is missing');
}
