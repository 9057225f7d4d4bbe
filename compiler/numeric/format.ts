/**
 * Number formats as data: an element grid × a granularity × a kind of scale × a rounding. Block formats such as
 * mxfp4 are names for such combinations, not code of their own.
 */

export type Element = Float32 | IntElement | FloatElement;

/** Not quantized. */
export interface Float32 {
  readonly kind: 'f32';
}

/** Codes `[−2^{p−1}, 2^{p−1}−1]`, `±(2^{p−1}−1)` when narrow, `[0, 2^p−1]` when unsigned. */
export interface IntElement {
  readonly kind: 'int';
  readonly bits: number;
  readonly signed: boolean;
  readonly narrow: boolean;
}

/**
 * `1 + exponent + mantissa` bits. `inf: 'ieee'` keeps the top exponent for Inf and NaN and overflows to Inf (fp16,
 * bf16); `'fn'` gives only the all-ones code to NaN and saturates (fp8 e4m3fn); `'none'` uses every code for a finite value
 * and saturates (e2m1, e3m0).
 */
export interface FloatElement {
  readonly kind: 'float';
  readonly exponent: number;
  readonly mantissa: number;
  readonly specials: 'ieee' | 'ieee_saturating' | 'fn' | 'none';
}

export type Granularity =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'channel' }
  | { readonly kind: 'group'; readonly size: number };

/**
 * How the real value of one step is found. `none`: the element's own grid (fp16, bf16). `absmax`: the largest
 * magnitude falls on the largest code. `power_of_two`: the next power of two at or above that. `moving_average`: absmax
 * smoothed over steps with `momentum`. `learned`: a parameter (LSQ, Esser et al. 2020). `two_level`: per-group scale
 * itself stored in e4m3 under one f32 scale a tensor (nvfp4).
 */
export type Scale =
  | { readonly kind: 'none' }
  | { readonly kind: 'absmax' }
  | { readonly kind: 'power_of_two' }
  | { readonly kind: 'moving_average'; readonly momentum: number }
  | { readonly kind: 'learned' }
  | { readonly kind: 'two_level' };

export type Rounding = 'nearest' | 'stochastic';

export interface Format {
  readonly element: Element;
  readonly granularity: Granularity;
  readonly scale: Scale;
  readonly rounding: Rounding;
}

export const F32: Format = {
  element: { kind: 'f32' },
  granularity: { kind: 'tensor' },
  scale: { kind: 'none' },
  rounding: 'nearest',
};

/** Bits that one element occupies. */
export function elementBits(element: Element): number {
  switch (element.kind) {
    case 'f32':
      return 32;
    case 'int':
      return element.bits;
    case 'float':
      return 1 + element.exponent + element.mantissa;
  }
}

export interface CodeRange {
  readonly min: number;
  readonly max: number;
}

/** Made once each: codes are rounded one by one, and powers are slow. */
const codeRanges = new Map<number, CodeRange>();

/** The smallest and largest code of an integer grid. */
export function codeRange({ bits, signed, narrow }: IntElement): CodeRange {
  const key = 4 * bits + (signed ? 2 : 0) + (narrow ? 1 : 0);
  const known = codeRanges.get(key);
  if (known !== undefined) return known;
  const max = 2 ** (signed ? bits - 1 : bits) - 1;
  const range = { min: signed ? (narrow ? -max : -max - 1) : 0, max };
  codeRanges.set(key, range);
  return range;
}

/** Exponent of the smallest normal number, `1 − bias` with bias `2^{e−1} − 1`. */
export function minNormalExponent(element: FloatElement): number {
  return 2 - 2 ** (element.exponent - 1);
}

/** The largest finite value of a float grid. */
export function maxFinite(element: FloatElement): number {
  const bias = 2 ** (element.exponent - 1) - 1;
  const top = 2 ** element.exponent - 1;
  const ulps = 2 ** element.mantissa;
  switch (element.specials) {
    case 'ieee':
    case 'ieee_saturating':
      return 2 ** (top - 1 - bias) * (2 - 1 / ulps);
    case 'fn':
      return 2 ** (top - bias) * (2 - 2 / ulps);
    case 'none':
      return 2 ** (top - bias) * (2 - 1 / ulps);
  }
}

/** The largest magnitude on the element's grid in units of the scale: what absmax is divided by. */
export function gridMax(element: IntElement | FloatElement): number {
  return element.kind === 'int' ? codeRange(element).max : maxFinite(element);
}

const NAMED_FLOATS: ReadonlyMap<FloatElement['specials'], readonly (readonly [number, number, string])[]> =
  new Map([
    [
      'ieee',
      [
        [5, 10, 'fp16'],
        [8, 7, 'bf16'],
      ],
    ],
    ['ieee_saturating', [[5, 2, 'e5m2']]],
    ['fn', [[4, 3, 'e4m3fn']]],
  ] as const);

/** The name under which the language writes an element: `int8`, `uint4`, `fp16`, `e3m0`. */
export function elementName(element: Element): string {
  if (element.kind === 'f32') return 'f32';
  if (element.kind === 'int') return `${element.signed ? 'int' : 'uint'}${element.bits}`;
  const named = NAMED_FLOATS.get(element.specials)?.find(
    ([e, m]) => e === element.exponent && m === element.mantissa,
  );
  return named ? named[2] : `e${element.exponent}m${element.mantissa}`;
}

/** The whole format as the language writes it: `int4 per channel scale(power_of_two) stochastic`. */
export function formatName(format: Format): string {
  const { element, granularity, scale, rounding } = format;
  if (element.kind === 'f32') return 'f32';
  const words = [elementName(element)];
  if (element.kind === 'int' && element.signed && !element.narrow) words.push('full');
  if (granularity.kind === 'channel') words.push('per channel');
  if (granularity.kind === 'group') words.push(`per group(${granularity.size})`);
  if (scale.kind === 'moving_average') words.push(`scale(moving_average(${scale.momentum}))`);
  else if (scale.kind !== 'absmax' && scale.kind !== 'none') words.push(`scale(${scale.kind})`);
  if (rounding === 'stochastic') words.push('stochastic');
  return words.join(' ');
}
