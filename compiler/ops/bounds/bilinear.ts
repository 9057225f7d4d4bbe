import type { BoundRules, ErrorContext, Errors, Range, RangeContext } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { add, type Bound, isUnbounded, min, multiply, ONE, UNBOUNDED, ZERO } from '../../numeric/bound.ts';
import {
  gamma32,
  magnitude,
  rootOf,
  roundedProductCap,
  summedCap,
  symmetric,
  times,
  UNDERFLOW,
} from './range.ts';
import { added, computed, everywhere } from './terms.ts';

/**
 * Matrix products and convolutions in one form: each element of the result sums `terms` products of an element of either operand, and one
 * element of an operand enters at most `overlap` results with each element of the other.
 */
export interface BilinearForm {
  readonly terms: number;
  readonly overlap: number;
}

/** Norms of the linear map that an operand makes of the other one. Those from entries hold for the entries' magnitudes as well. */
export interface Gains {
  /** ∞ → ∞: the largest sum of magnitudes that one result reads. */
  readonly inf: Bound;
  /** 2 → 2. */
  readonly two: Bound;
  /** 2 → ∞: the largest 2-norm of what one result reads. */
  readonly twoToInf: Bound;
}

/** What a known operand says of results whose other operand lies in `[−neg, pos]`. */
export interface KnownGains extends Gains {
  /** The largest and the least result, as magnitudes, of operands in `[−neg, pos]`. */
  readonly reach: (pos: Bound, neg: Bound) => { readonly pos: Bound; readonly neg: Bound };
}

export interface BilinearRules<K extends OpName> {
  readonly form: (context: RangeContext<K>) => BilinearForm;
  /** Norms of a tensor that stands for operand i. */
  readonly known: (context: RangeContext<K>, i: 0 | 1, tensor: NdArray) => KnownGains | undefined;
}

/** From a magnitude and a Frobenius norm alone. */
function gainsOf(range: Range, { terms, overlap }: BilinearForm): Gains {
  const mag = magnitude(range);
  const root = rootOf(terms);
  return {
    inf: min(times(mag, terms), multiply(root, range.norm2)),
    two: multiply(rootOf(overlap), range.norm2),
    twoToInf: min(multiply(root, mag), range.norm2),
  };
}

export function bilinear<K extends OpName>(rules: BilinearRules<K>): BoundRules<K> {
  const known = (context: RangeContext<K>, i: 0 | 1): KnownGains | undefined => {
    const tensor = context.known(i);
    return tensor && rules.known(context, i, tensor);
  };
  const gains = (context: RangeContext<K>, form: BilinearForm, i: 0 | 1): Gains => {
    const general = gainsOf(context.range(i), form);
    const exact = known(context, i);
    if (exact === undefined) return general;
    return {
      inf: min(general.inf, exact.inf),
      two: min(general.two, exact.two),
      twoToInf: min(general.twoToInf, exact.twoToInf),
    };
  };
  /** The known rounding of the second operand as a linear map of the first: far below what its size alone allows. */
  const roundingGains = <T>(context: ErrorContext<K, T>, form: BilinearForm): Gains | undefined => {
    const rounding = context.rounding(1);
    const exact = rounding && rules.known(context, 1, rounding.tensor);
    if (rounding === undefined || exact === undefined) return undefined;
    const slack = gainsOf(symmetric(rounding.slack.inf, rounding.slack.two), form);
    return {
      inf: add(exact.inf, slack.inf),
      two: add(exact.two, slack.two),
      twoToInf: add(exact.twoToInf, slack.twoToInf),
    };
  };
  return {
    range: (context) => {
      const form = rules.form(context);
      const [a, b] = [context.range(0), context.range(1)];
      const [ga, gb] = [gains(context, form, 0), gains(context, form, 1)];
      const inf = [
        multiply(gb.inf, magnitude(a)),
        multiply(gb.twoToInf, a.norm2),
        multiply(ga.inf, magnitude(b)),
        multiply(ga.twoToInf, b.norm2),
      ].reduce(min);
      const nonNegative = a.nonNegative && b.nonNegative;
      const fromA = known(context, 0)?.reach(b.pos, b.neg);
      const fromB = known(context, 1)?.reach(a.pos, a.neg);
      const least = (key: 'pos' | 'neg'): Bound =>
        [inf, fromA?.[key] ?? inf, fromB?.[key] ?? inf].reduce(min);
      return {
        pos: least('pos'),
        neg: nonNegative ? ZERO : least('neg'),
        norm2: min(multiply(gb.two, a.norm2), multiply(ga.two, b.norm2)),
        away: ZERO,
        cap:
          isUnbounded(a.cap) || isUnbounded(b.cap)
            ? UNBOUNDED
            : summedCap(roundedProductCap(multiply(a.cap, b.cap)), form.terms),
        nonNegative,
      };
    },
    // âb̂ − ab = (â − a)·b + â·(b̂ − b), then accumulation γ_n·|â||b̂| (Higham 2002, eq. 3.13).
    error: (context) => {
      const { algebra, operandTypes, type } = context;
      const form = rules.form(context);
      const sizes = operandTypes.map(({ shape }) => sizeOf(shape));
      const [a, b] = [context.range(0), context.range(1)];
      const [ea, eb] = [context.error(0), context.error(1)];
      const [ga, gb] = [gains(context, form, 0), gains(context, form, 1)];
      const hatA = computed(algebra, a, ea, sizes[0] ?? 1);
      const hatB = computed(algebra, b, eb, sizes[1] ?? 1);
      const gainA = computedGains(context, ga, ea, form);
      const gainB = computedGains(context, gb, eb, form);
      const throughA: Errors<typeof ea.inf> = {
        inf: algebra.min([algebra.scale(gb.inf, ea.inf), algebra.scale(gb.twoToInf, ea.two)]),
        two: algebra.scale(gb.two, ea.two),
      };
      const infB = [algebra.product([gainA.inf, eb.inf]), algebra.product([gainA.twoToInf, eb.two])];
      const twoB = [algebra.product([gainA.two, eb.two])];
      const roundingOfB = roundingGains(context, form);
      if (roundingOfB !== undefined) {
        infB.push(algebra.scale(roundingOfB.inf, hatA.inf), algebra.scale(roundingOfB.twoToInf, hatA.two));
        twoB.push(algebra.scale(roundingOfB.two, hatA.two));
      }
      const throughB: Errors<typeof ea.inf> = { inf: algebra.min(infB), two: algebra.min(twoB) };
      const unit = gamma32(form.terms);
      const products = algebra.scale(times(UNDERFLOW, form.terms), algebra.constant(ONE));
      const size = sizeOf(type.shape);
      const accumulation: Errors<typeof ea.inf> = {
        inf: algebra.scale(
          unit,
          algebra.min([
            algebra.product([gainB.inf, hatA.inf]),
            algebra.product([gainB.twoToInf, hatA.two]),
            algebra.product([gainA.inf, hatB.inf]),
            algebra.product([gainA.twoToInf, hatB.two]),
          ]),
        ),
        two: algebra.scale(multiply(unit, rootOf(form.overlap)), algebra.product([hatA.two, hatB.two])),
      };
      return {
        through: [throughA, throughB],
        local: added(algebra, [accumulation, everywhere(algebra, products, size)]),
      };
    },
  };
}

/** Gains of the computed operand: those of the real one and of its error. */
function computedGains<K extends OpName, T>(
  { algebra }: ErrorContext<K, T>,
  real: Gains,
  e: Errors<T>,
  { terms, overlap }: BilinearForm,
): { readonly inf: T; readonly two: T; readonly twoToInf: T } {
  const root = rootOf(terms);
  return {
    inf: algebra.sum([
      algebra.constant(real.inf),
      algebra.min([algebra.scale(times(ONE, terms), e.inf), algebra.scale(root, e.two)]),
    ]),
    two: algebra.sum([algebra.constant(real.two), algebra.scale(rootOf(overlap), e.two)]),
    twoToInf: algebra.sum([
      algebra.constant(real.twoToInf),
      algebra.min([algebra.scale(root, e.inf), e.two]),
    ]),
  };
}
