import type { NdArray } from '../../../compiler/ir/ndarray.ts';
import type { FloatElement, IntElement } from '../../../compiler/numeric/format.ts';
import {
  floatStep,
  quantizeStochasticValue,
  quantizeValue,
  saturationGrid,
  staysOnGrid,
} from '../../../compiler/numeric/round.ts';
import { arity } from '../../../compiler/ops/operands.ts';
import { broadcastStrides, positions } from '../../../compiler/ops/strided.ts';
import { type RoundingRule, TINY, type Tie, U, within } from './allowance.ts';

/*
 * A quantizer in float32 divides, rounds to a code and multiplies by the scale. Only the first and the last step round, and rounding to
 * a code is monotone: a code can differ from the exact one only where a tie lies between `x / scale` and its float32 neighbour. The
 * value of a code then has the error of one multiplication.
 */

/** How one element is rounded to a grid: everything in units of its scale. */
interface Rounding {
  /** What is rounded. */
  readonly at: number;
  /** How far float32 may move `at` before it rounds. */
  readonly reach: number;
  /** Distance of the grid's points around `at`. */
  readonly step: number;
  /** Distance of `at` from the nearest tie, in steps. */
  readonly distance: number;
  readonly round: (at: number) => number;
}

/** What an element becomes on the other side of a tie that float32 may reach; undefined where there is none. */
function tieOf({ at, reach, step, distance, round }: Rounding): Omit<Tie, 'error'> | undefined {
  const proved = reach / step;
  if (!(distance <= proved)) return undefined;
  const exact = round(at);
  const other = [round(at - reach), round(at + reach)].find((value) => value !== exact);
  return other === undefined ? undefined : { other, distance, proved };
}

/** The ties of `x / scale` on a grid; `back` gives the value of a code that stands beyond one. */
function tiesOf(
  x: NdArray,
  scale: NdArray,
  rounding: (v: number, index: number) => Rounding,
  back: (code: number, scale: number) => Pick<Tie, 'other' | 'error'>,
): ReadonlyMap<number, Tie> {
  const scaleAt = positions(x.shape, broadcastStrides(scale.shape, x.shape));
  const ties = new Map<number, Tie>();
  x.data.forEach((value, i) => {
    const s = scale.data[scaleAt[i] ?? 0] ?? 1;
    const tie = tieOf(rounding(value / s, i));
    if (tie) ties.set(i, { ...tie, ...back(tie.other, s) });
  });
  return ties;
}

/** To nearest: ties at the midpoints of the grid. */
export const quantizeRule: RoundingRule<'quantize'> = ({ operands, exact, attributes: { element } }) => {
  const round = (at: number) => quantizeValue(at, 1, element);
  const rounding = (v: number): Rounding => {
    const step = stepAt(v, element);
    return { at: v, reach: divisionError(v), step, distance: fromHalf(v / step), round };
  };
  return within(productError(exact.data), tiesOf(...arity(operands, 2), rounding, timesScale));
};

/**
 * Stochastic: `⌊v/step + noise⌋`, with ties where that sum is whole. The sum rounds once more, by at most `u·(|v|/step + 1)`, in units
 * of a step twice as large where v rounds up to the next binade.
 */
export const quantizeStochasticRule: RoundingRule<'quantizeStochastic'> = (context) => {
  const { element } = context.attributes;
  const [x, scale, noise] = arity(context.operands, 3);
  const rounding = (v: number, i: number): Rounding => {
    const draw = noise.data[i] ?? 0;
    const step = stepAt(v, element);
    const reach = divisionError(v) + U * (Math.abs(v) + 2 * step);
    const sum = v / step + draw;
    const round = (at: number) => quantizeStochasticValue(at, 1, draw, element);
    return { at: v, reach, step, distance: Math.abs(sum - Math.round(sum)), round };
  };
  return within(productError(context.exact.data), tiesOf(x, scale, rounding, timesScale));
};

/** 0 or 1, with ties half a step beyond the two ends of the grid. */
export const quantizeMaskRule: RoundingRule<'quantizeMask'> = (context) => {
  const { element } = context.attributes;
  const { unit } = saturationGrid(element);
  const round = (at: number) => Number(staysOnGrid(at, 1, element));
  const rounding = (v: number): Rounding => {
    return { at: v, reach: divisionError(v), step: unit, distance: fromHalf(v / unit), round };
  };
  const ties = tiesOf(...arity(context.operands, 2), rounding, (other) => ({ other, error: 0 }));
  return within(new Float64Array(context.exact.data.length), ties);
};

/**
 * `max |x| / gridMax` rounds once. The power of two at or above it is the exact one: with gridMax = m·2ᵉ, 1 ≤ m < 2, a float32 other than
 * gridMax·2ᵏ differs from it by at least 2⁻²³/m > u of it, so that its quotient does not round to 2ᵏ (with m = 1 it is
 * not rounded at all).
 */
export const quantScaleRule: RoundingRule<'quantScale'> = ({ exact, attributes }) =>
  within(attributes.kind === 'absmax' ? productError(exact.data) : new Float64Array(exact.data.length));

/** Rounding of the quotient v in float32; none where float32 holds v. */
function divisionError(v: number): number {
  return Math.fround(v) === v ? 0 : U * Math.abs(v);
}

/** One multiplication of a code by its scale. */
function productError(values: Float64Array): Float64Array {
  return values.map((y) => U * Math.abs(y) + TINY);
}

function timesScale(code: number, scale: number): Pick<Tie, 'other' | 'error'> {
  const other = code * scale;
  return { other, error: U * Math.abs(other) + TINY };
}

function stepAt(v: number, element: IntElement | FloatElement): number {
  return element.kind === 'int' ? 1 : floatStep(v, element);
}

/** Distance from the nearest n + ½. */
function fromHalf(q: number): number {
  return Math.abs(q - Math.floor(q) - 0.5);
}
