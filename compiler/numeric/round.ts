import {
  codeRange,
  type FloatElement,
  gridMax,
  type IntElement,
  maxFinite,
  minNormalExponent,
} from './format.ts';

/**
 * Rounding onto the grids of {@link IntElement} and {@link FloatElement} in float64: what the quantizers mean. The engines compute the
 * same formulas in float32, where every step but `x / scale` and the final `· scale` is exact.
 */

/** The smallest and largest scale: `x / scale` and `scale · 2^k` stay normal float32 numbers for the grids that we have. */
export const MIN_SCALE = 2 ** -126;
export const MAX_SCALE = 2 ** 127;

/** The largest number of float32. */
export const LARGEST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;

/** To the nearest integer, ties to the even one. */
export function roundHalfEven(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

const bits = new DataView(new ArrayBuffer(8));

/** `2^⌊log₂ x⌋` for a normal x > 0, exactly: the number with its significand cleared. */
export function binade(x: number): number {
  bits.setFloat64(0, x);
  bits.setUint32(0, bits.getUint32(0) & 0x7ff00000);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** The uniform grid `unit · {min … max}` on which an element saturates: all of an integer grid, the top binade of a float grid. */
export interface SaturationGrid {
  readonly unit: number;
  readonly min: number;
  readonly max: number;
}

export function saturationGrid(element: IntElement | FloatElement): SaturationGrid {
  if (element.kind === 'int') return { unit: 1, ...codeRange(element) };
  const largest = maxFinite(element);
  const unit = binade(largest) * 2 ** -element.mantissa;
  return { unit, min: -largest / unit, max: largest / unit };
}

/** Whether rounding x to nearest stays on `scale · grid`, that is, does not saturate or overflow. */
export function staysOnGrid(x: number, scale: number, element: IntElement | FloatElement): boolean {
  const { unit, min, max } = saturationGrid(element);
  const q = roundHalfEven(x / scale / unit);
  return min <= q && q <= max;
}

/** The integer code of x: `clamp(roundHalfEven(x / scale), qmin, qmax)`. */
export function quantizeCode(x: number, scale: number, element: IntElement): number {
  const { min, max } = codeRange(element);
  return Math.min(Math.max(roundHalfEven(x / scale), min), max);
}

/**
 * The value of `scale · grid` nearest to x, saturated. From a tie it goes to the even code or significand, and where a significand has
 * one digit (e3m0) to the larger of two powers of two (IEEE 754-2019, 4.3.1).
 */
export function quantizeValue(x: number, scale: number, element: IntElement | FloatElement): number {
  if (element.kind === 'int') return quantizeCode(x, scale, element) * scale;
  const v = x / scale;
  const step = floatStep(v, element);
  return overflow(roundHalfEven(v / step) * step, element) * scale;
}

/**
 * One of the two neighbours of x on `scale · grid`, the upper one with probability equal to the fraction, for `noise` uniform in
 * [0, 1): unbiased within the grid (Croci et al., "Stochastic rounding: implementation, error analysis and applications", 2022).
 */
export function quantizeStochasticValue(
  x: number,
  scale: number,
  noise: number,
  element: IntElement | FloatElement,
): number {
  const v = x / scale;
  if (element.kind === 'int') {
    const { min, max } = codeRange(element);
    return Math.min(Math.max(Math.floor(v + noise), min), max) * scale;
  }
  const step = floatStep(v, element);
  return overflow(Math.floor(v / step + noise) * step, element) * scale;
}

/** Whether a value is one of `scale · grid`. */
export function onGrid(value: number, scale: number, element: IntElement | FloatElement): boolean {
  return quantizeValue(value, scale, element) === value;
}

/**
 * The scale that maps the largest magnitude of a tensor to the largest code, `absmax / gridMax`, or the next power of two at or above
 * it; 1 for a tensor of zeros. It is a normal float32 number for every finite absmax and NaN for others.
 */
export function scaleOf(
  absmax: number,
  element: IntElement | FloatElement,
  kind: 'absmax' | 'power_of_two',
): number {
  if (absmax === 0) return 1;
  if (!Number.isFinite(absmax)) return Number.NaN;
  const scale = Math.max(absmax / gridMax(element), MIN_SCALE);
  if (kind === 'absmax') return scale;
  const below = binade(scale);
  return Math.min(below === scale ? below : 2 * below, MAX_SCALE);
}

/** Distance of the grid's values around v: a binade holds 2^m of them, and below the smallest normal number the distance stays. */
export function floatStep(v: number, element: FloatElement): number {
  const magnitude = Math.min(Math.max(Math.abs(v), 2 ** minNormalExponent(element)), maxFinite(element));
  return binade(magnitude) * 2 ** -element.mantissa;
}

function overflow(rounded: number, element: FloatElement): number {
  const largest = maxFinite(element);
  if (Math.abs(rounded) <= largest) return rounded;
  return element.specials === 'ieee' ? rounded * Infinity : Math.min(Math.max(rounded, -largest), largest);
}
