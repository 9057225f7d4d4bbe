import { add, type Bound, compare, divide, max, min, multiply, ONE, sqrt, ZERO } from '../numeric/bound.ts';

/** What a functional may compute: maps of ℝ₊ᵏ to ℝ₊ that are monotone in every operand and continuous. */
export type OperationName = 'sum' | 'product' | 'min' | 'max' | 'norm' | 'sqrt';

export interface Operation {
  readonly arity: 'one' | 'many';
  /** The operand that changes nothing and may be left out. */
  readonly neutral?: Bound;
  /** The operand that is the result whatever the others are. */
  readonly absorbing?: Bound;
  /** Whether a repeated operand changes nothing. */
  readonly idempotent: boolean;
  /** Rounded up. */
  readonly evaluate: (operands: readonly Bound[]) => Bound;
  /**
   * Non-negative p with `Σ pᵢ·dᵢ` the one-sided directional derivative at `operands` along the directions d ≥ 0. Where an operation has several
   * (a tie of max or min, a norm at 0) d chooses: the largest active branch of max and min, which at a tie of min is above the derivative.
   */
  readonly partials: (
    operands: readonly Bound[],
    directions: readonly Bound[],
    result: Bound,
  ) => readonly Bound[];
}

export const OPERATIONS: { readonly [K in OperationName]: Operation } = {
  sum: {
    arity: 'many',
    neutral: ZERO,
    idempotent: false,
    evaluate: (xs) => xs.reduce(add, ZERO),
    partials: (xs) => xs.map(() => ONE),
  },
  product: {
    arity: 'many',
    neutral: ONE,
    absorbing: ZERO,
    idempotent: false,
    evaluate: (xs) => xs.reduce(multiply, ONE),
    partials: productsOfOthers,
  },
  min: {
    arity: 'many',
    absorbing: ZERO,
    idempotent: true,
    evaluate: (xs) => xs.reduce(min),
    partials: steepestActive,
  },
  max: {
    arity: 'many',
    neutral: ZERO,
    idempotent: true,
    evaluate: (xs) => xs.reduce(max),
    partials: steepestActive,
  },
  /** √(Σ xᵢ²): an operation of its own, because it has finite slopes at 0, which a root of squares has not. */
  norm: {
    arity: 'many',
    neutral: ZERO,
    idempotent: false,
    evaluate: norm,
    partials: (xs, directions, result) =>
      result.mantissa === 0 ? shares(directions, norm(directions)) : shares(xs, result),
  },
  /** Its slope at 0 is infinite: the tangent reports it beside the gains, and leaves it out of them. */
  sqrt: {
    arity: 'one',
    absorbing: ZERO,
    idempotent: false,
    evaluate: ([x = ZERO]) => sqrt(x),
    partials: (_, __, result) => [result.mantissa === 0 ? ZERO : divide(ONE, add(result, result))],
  },
};

/** Of one operand other than 0 exactly that operand, so that leaving out zeros changes no value. */
function norm(xs: readonly Bound[]): Bound {
  const [first = ZERO, ...rest] = xs.filter((x) => x.mantissa > 0);
  if (rest.length === 0) return first;
  return sqrt(rest.reduce((squares, x) => add(squares, multiply(x, x)), multiply(first, first)));
}

function shares(xs: readonly Bound[], whole: Bound): readonly Bound[] {
  return xs.map((x) => (whole.mantissa === 0 ? ZERO : divide(x, whole)));
}

/** For each factor the product of the others: of those before it with those after it. */
function productsOfOthers(xs: readonly Bound[]): readonly Bound[] {
  const after: Bound[] = [];
  xs.reduceRight((product, x, i) => {
    after[i] = product;
    return multiply(product, x);
  }, ONE);
  let before = ONE;
  return xs.map((x, i) => {
    const others = multiply(before, after[i] ?? ONE);
    before = multiply(before, x);
    return others;
  });
}

/** 1 for the operand that equals the result and grows fastest, 0 for the others. */
function steepestActive(xs: readonly Bound[], directions: readonly Bound[], result: Bound): readonly Bound[] {
  let chosen = -1;
  let steepest: Bound | undefined;
  xs.forEach((x, i) => {
    const direction = directions[i] ?? ZERO;
    if (compare(x, result) !== 0 || (steepest !== undefined && compare(direction, steepest) <= 0)) return;
    chosen = i;
    steepest = direction;
  });
  return xs.map((_, i) => (i === chosen ? ONE : ZERO));
}
