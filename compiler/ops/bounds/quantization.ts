import type {
  BoundRules,
  ErrorContext,
  Errors,
  ErrorTerms,
  KnownRounding,
  RangeContext,
  ScaleSource,
} from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import {
  add,
  type Bound,
  divide,
  fromNumber,
  max,
  multiply,
  multiplyDown,
  ONE,
  UNBOUNDED,
  ZERO,
} from '../../numeric/bound.ts';
import {
  codeRange,
  type FloatElement,
  gridMax,
  type IntElement,
  maxFinite,
  minNormalExponent,
} from '../../numeric/format.ts';
import { binade, floatStep, MAX_SCALE, MIN_SCALE, quantizeValue } from '../../numeric/round.ts';
import { broadcastStrides, positions } from '../strided.ts';

import { ANY_ERROR, bound, gamma32, magnitude, symmetric, U32, UNDERFLOW } from './range.ts';
import * as slopes from './slopes.ts';
import { added, charged, computed, everywhere, exact, gained, noError } from './terms.ts';

/**
 * A scale is `absmax/gridMax` of what it scales, at least {@link MIN_SCALE}, or 1 for zeros. It jumps there, and to the next power of two, so
 * that any error costs the whole of it; the quantizer's own rule does not read it, for it holds at whatever scale.
 */
export const quantScale: BoundRules<'quantScale'> = {
  range: ({ range, attributes, type }) => {
    const most = divide(magnitude(range(0)), bound(gridMax(attributes.element)));
    const wider = attributes.kind === 'power_of_two' ? add(most, most) : most;
    const top = max(wider, ONE);
    return {
      pos: top,
      neg: ZERO,
      norm2: multiply(fromNumber(Math.sqrt(sizeOf(type.shape)) * (1 + 2 ** -50)), top),
      away: bound(MIN_SCALE),
      cap: UNBOUNDED,
      nonNegative: true,
    };
  },
  error: (context) => {
    const { algebra, attributes, result, type } = context;
    const e = context.error(0);
    const size = sizeOf(type.shape);
    const most = gridMax(attributes.element);
    const wider = attributes.kind === 'power_of_two' ? bound(2) : ONE;
    const computedScale = algebra.sum([
      algebra.constant(magnitude(result)),
      algebra.scale(divide(wider, bound(most)), e.inf),
    ]);
    // The quotient rounds. Rounded to a power of two from just above it, it gives half the scale, unless it is exact.
    const exactQuotient = binade(most) === most;
    const rounding = exactQuotient ? ZERO : attributes.kind === 'power_of_two' ? bound(0.5) : U32;
    return {
      through: [charged(algebra, e, ANY_ERROR, everywhere(algebra, computedScale, size))],
      local: everywhere(algebra, algebra.scale(rounding, computedScale), size),
    };
  },
};

/**
 * How far a quantizer of an element rounds, as multiples of the largest magnitude that its scale follows, or in absolute terms.
 * Nearest: half a step; stochastic: less than one.
 */
export interface QuantizerStep {
  /** `|Q(x) − x| ≤ relative·max|x| + absolute`. */
  readonly relative: Bound;
  readonly absolute: Bound;
  /** Of floats, `|Q(x) − x| ≤ unit·|x| + floor·max|x| + absolute`, element by element. */
  readonly unit: Bound | undefined;
  readonly floor: Bound;
  /** Magnitudes above it saturate or overflow; UNBOUNDED where the scale follows them. */
  readonly limit: Bound;
}

/** The scale, the division by it and the multiplication with it round in float32: u·|x| each, and half a step's share. */
const RESCALING = gamma32(4);

export function quantizerStep(
  element: IntElement | FloatElement,
  stochastic: boolean,
  scale: ScaleSource,
): QuantizerStep | undefined {
  if (scale.kind === 'other') return undefined;
  const share = bound(stochastic ? 1 : 0.5);
  const wider = scale.kind === 'following' && scale.powerOfTwo ? bound(2) : ONE;
  if (element.kind === 'int') {
    if (scale.kind === 'one') return undefined;
    const codes = bound(codeRange(element).max);
    const relative = add(multiply(divide(share, codes), wider), RESCALING);
    return { relative, absolute: atSmallestScale(share), unit: undefined, floor: ZERO, limit: UNBOUNDED };
  }
  const unit = add(multiply(share, bound(2 ** -element.mantissa)), RESCALING);
  const lowest = multiply(share, bound(2 ** (minNormalExponent(element) - element.mantissa)));
  if (scale.kind === 'one') {
    // With noise, a number within a rounding of the largest may already be rounded past it.
    const limit = bound(maxFinite(element) * (1 - 2 ** -20));
    return { relative: unit, absolute: lowest, unit, floor: ZERO, limit };
  }
  const most = maxFinite(element);
  const floor = multiply(divide(lowest, bound(most)), wider);
  // The largest number of a tensor lies on the largest of the grid give or take a rounding, and noise close to 1 takes it past that: where
  // nothing saturates, to infinity.
  const limit = stochastic && element.specials === 'ieee' ? ZERO : UNBOUNDED;
  // The largest magnitude lies at the end of the top binade, whose steps are the largest, unless the scale is a wider power of two, or the
  // smallest that there is.
  if (scale.powerOfTwo || most > 2 ** 32) {
    return { relative: max(unit, floor), absolute: atSmallestScale(lowest), unit, floor, limit };
  }
  const top = add(multiply(share, bound(largestGap(element) / most)), RESCALING);
  const absolute = atSmallestScale(add(lowest, multiply(unit, bound(most))));
  return { relative: max(top, floor), absolute, unit, floor, limit };
}

/** What a tensor loses that is smaller than {@link MIN_SCALE} allows, and a code times a scale that underflows. */
function atSmallestScale(step: Bound): Bound {
  return add(multiply(step, bound(MIN_SCALE)), UNDERFLOW);
}

/**
 * Where the scale follows the data nothing is clipped, and the step is that of the computed range. Of another scale only this is
 * known: a value and its code have the same sign, and rounding takes it by its share of the largest step, saturation by at most itself.
 */
function quantizer<K extends 'quantize' | 'quantizeStochastic'>(stochastic: boolean): BoundRules<K> {
  return {
    // A value may be rounded up past what caps it.
    range: ({ range }) => ({ ...range(0), away: ZERO, cap: UNBOUNDED }),
    known: ([x]) => x ?? missing(),
    slopes: slopes.identity,
    error: <T>(context: ErrorContext<K, T>): ErrorTerms<T> => {
      const { algebra, attributes, type, operandTypes } = context;
      const size = sizeOf(type.shape);
      const e = context.error(0);
      const x = computed(algebra, context.range(0), e, size);
      const rest = operandTypes.slice(1).map(() => noError(algebra));
      const through = [e, ...rest];
      const step = quantizerStep(attributes.element, stochastic, context.scale);
      // To nearest, a value goes to 0 or by no more than itself.
      const share = stochastic ? 1 : 0;
      if (step === undefined) return { through, local: unknownScale(context, x, size, share) };
      const absolute = everywhere(algebra, algebra.constant(step.absolute), size);
      const coarse = everywhere(algebra, algebra.scale(step.relative, x.inf), size);
      const fine: Errors<T> =
        step.unit === undefined
          ? coarse
          : {
              inf: coarse.inf,
              two: algebra.sum([
                algebra.scale(step.unit, x.two),
                everywhere(algebra, algebra.scale(step.floor, x.inf), size).two,
              ]),
            };
      const parts = [fine, absolute];
      if (losesSign(context)) parts.push(negativePart(context));
      // Past the largest number an IEEE format gives an infinity, which no bound holds; a saturating one loses the excess.
      if (step.limit !== UNBOUNDED) {
        const lost =
          attributes.element.kind === 'float' && attributes.element.specials === 'ieee'
            ? UNBOUNDED
            : undefined;
        const excess: Errors<T> = lost === undefined ? x : everywhere(algebra, algebra.constant(lost), size);
        parts.push(charged(algebra, x, step.limit, excess));
      }
      return { through, local: added(algebra, parts) };
    },
  };
}

/** Whether an unsigned grid may meet values below 0, all of which it rounds to 0. */
function losesSign<K extends 'quantize' | 'quantizeStochastic' | 'quantizeMask'>({
  attributes: { element },
  range,
}: RangeContext<K>): boolean {
  return element.kind === 'int' && !element.signed && !range(0).nonNegative;
}

/** All of a real value below 0 is lost; of one above it, whose computed value is below, no more than they differ by. */
function negativePart<K extends 'quantize' | 'quantizeStochastic', T>({
  algebra,
  range,
}: ErrorContext<K, T>): Errors<T> {
  const { neg, norm2 } = range(0);
  return { inf: algebra.constant(neg), two: algebra.constant(norm2) };
}

function unknownScale<K extends 'quantize' | 'quantizeStochastic', T>(
  context: ErrorContext<K, T>,
  x: Errors<T>,
  size: number,
  share: number,
): Errors<T> {
  const { algebra } = context;
  const scale = algebra.sum([algebra.constant(magnitude(context.range(1))), context.error(1).inf]);
  const { element } = context.attributes;
  const step = everywhere(algebra, algebra.scale(bound(share * largestGap(element)), scale), size);
  const parts = [
    gained(algebra, added(algebra, [x, step]), add(ONE, RESCALING)),
    everywhere(algebra, algebra.constant(UNDERFLOW), size),
  ];
  if (element.kind === 'float' && element.specials === 'ieee') {
    const limit = multiplyDown(bound(maxFinite(element)), context.range(1).away);
    parts.push(charged(algebra, x, limit, everywhere(algebra, algebra.constant(UNBOUNDED), size)));
  }
  return added(algebra, parts);
}

/** The largest distance of neighbours on a grid. */
function largestGap(element: IntElement | FloatElement): number {
  if (element.kind === 'int') return 1;
  return binade(maxFinite(element)) * 2 ** -element.mantissa;
}

/** Distance from a tie, in steps and by the size of the code, within which float32 may round either way. */
const TIE = 2 ** -21;

/**
 * What rounding to nearest does to a tensor that is known: `Q(x) − x` in float64 at the float32 scale. Near a tie it may go either way, and
 * everywhere float32 moves it by a few roundings of x.
 */
function nearestRounding(x: NdArray, scale: NdArray, element: IntElement | FloatElement): KnownRounding {
  const at = positions(x.shape, broadcastStrides(scale.shape, x.shape));
  let most = 0;
  let squares = 0;
  const data = x.data.map((value, i) => {
    const step = Math.fround(scale.data[at[i] ?? 0] ?? 1);
    const error = quantizeValue(value, step, element) - value;
    const gap = element.kind === 'int' ? step : floatStep(value / step, element) * step;
    const tie = gap / 2 - Math.abs(error) < TIE * (gap + Math.abs(value));
    const slack = 8 * 2 ** -24 * (Math.abs(value) + gap) + (tie ? gap : 0);
    most = Math.max(most, slack);
    squares += slack * slack;
    return error;
  });
  const up = 1 + 2 ** -30;
  return {
    tensor: { shape: x.shape, data },
    slack: {
      inf: bound(most * up + MIN_SCALE),
      two: bound(Math.sqrt(squares) * up + data.length * MIN_SCALE),
    },
  };
}

export const quantize: BoundRules<'quantize'> = {
  ...quantizer<'quantize'>(false),
  rounding: (x, scale, { element }) => nearestRounding(x, scale, element),
};
export const quantizeStochastic = quantizer<'quantizeStochastic'>(true);

/** The straight-through estimator's mask is 1 in real arithmetic, and in computed one where the scale follows the data. */
export const quantizeMask: BoundRules<'quantizeMask'> = {
  range: ({ type }) => ({
    pos: ONE,
    neg: ZERO,
    norm2: fromNumber(Math.sqrt(sizeOf(type.shape)) * (1 + 2 ** -50)),
    away: ZERO,
    cap: ONE,
    nonNegative: true,
  }),
  error: (context) => {
    const { algebra, type, scale } = context;
    const size = sizeOf(type.shape);
    const none = noError(algebra);
    const one = everywhere(algebra, algebra.constant(ONE), size);
    const { element } = context.attributes;
    if (scale.kind === 'following') {
      if (losesSign(context)) return { through: [none, none], local: one };
      // The largest power of two is too small a scale for tensors beyond it.
      if (!scale.powerOfTwo || gridMax(element) >= 2) return { through: [none, none], local: none };
      const x = computed(algebra, context.range(0), context.error(0), size);
      return { through: [charged(algebra, x, bound(MAX_SCALE), one), none], local: none };
    }
    if (scale.kind === 'one' && element.kind === 'float') {
      const x = computed(algebra, context.range(0), context.error(0), size);
      return { through: [charged(algebra, x, bound(maxFinite(element)), one), none], local: none };
    }
    return { through: [none, none], local: one };
  },
};

/** An identity in F; its reverse rule has the quantizer. */
export const quantizeCotangent: BoundRules<'quantizeCotangent'> = {
  slopes: slopes.identity,
  range: ({ range }) => range(0),
  known: ([x]) => x ?? missing(),
  error: (context) => exact(context, [context.error(0)]),
};

/** Noise that the computed and the real step both read. */
export const uniform: BoundRules<'uniform'> = {
  range: ({ type }) => ({
    ...symmetric(ONE, fromNumber(Math.sqrt(sizeOf(type.shape)) * (1 + 2 ** -50))),
    neg: ZERO,
    cap: ONE,
    nonNegative: true,
  }),
  error: (context) => exact(context, []),
};

/** Box and Muller's normals from 24 bits are below 5.9 (`numeric/random.ts`). */
export const normal: BoundRules<'normal'> = {
  range: () => ({ ...symmetric(bound(5.9), UNBOUNDED), cap: bound(5.9) }),
  error: (context) => exact(context, []),
};

function missing(): never {
  throw new Error('an operand is missing');
}
