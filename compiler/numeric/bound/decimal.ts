import { type Bound, fromNumber, isUnbounded, multiply, UNBOUNDED, ZERO } from '../bound.ts';

/**
 * Bounds as decimals. Both directions round up: a printed bound is at or above the bound, and a read one at or above what is printed.
 */

/** `scaled · 2^exponent` with a wide significand. */
interface Wide {
  readonly significand: bigint;
  readonly exponent: number;
}

/** Powers of ten are exact up to 10^82 (5^82 < 2^192), and beyond that off by 2^-140 of themselves at most. */
const WIDE_BITS = 192;

const UNBOUNDED_TEXT = 'unbounded';

/**
 * At most `digits` significant decimal digits, rounded up: `0.0124`, `3`, `1.24e+4012`. Numbers from 1e-6 to 10^digits are written out, as by
 * `Number.prototype.toPrecision`, without trailing zeros.
 */
export function formatBound(bound: Bound, digits = 3): string {
  if (isUnbounded(bound)) return UNBOUNDED_TEXT;
  if (bound.mantissa === 0) return '0';
  const [significand, exponent] = decimal(bound, digits);
  const text = significand.toString();
  const trimmed = text.replace(/0+$/, '');
  if (exponent < -6 || exponent >= digits) {
    const fraction = trimmed.length > 1 ? `.${trimmed.slice(1)}` : '';
    return `${trimmed.slice(0, 1)}${fraction}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${trimmed}`;
  const fraction = trimmed.slice(exponent + 1);
  return `${text.slice(0, exponent + 1)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The smallest bound at or above a decimal such as `0.0124`, `3` or `1.24e+4012` (past 10^82, within 2^-52 of it); undefined for other text. */
export function parseBound(text: string): Bound | undefined {
  if (text === UNBOUNDED_TEXT) return UNBOUNDED;
  const match = /^(\d{1,400})(?:\.(\d{1,400}))?(?:e([+-]?\d{1,15}))?$/i.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponentText = '0'] = match;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return ZERO;
  const exponent = Number(exponentText) - fraction.length;
  const power = powerOfTen(Math.abs(exponent), exponent >= 0);
  if (exponent >= 0) return boundAbove(digits * power.significand, power.exponent);
  const places = WIDE_BITS + 64;
  return boundAbove(ceilDivide(digits << BigInt(places), power.significand), -places - power.exponent);
}

/** The digits and the exponent of the first one of the smallest decimal at or above, `digits` digits long. */
function decimal({ mantissa, exponent }: Bound, digits: number): readonly [bigint, number] {
  const significand = BigInt(mantissa * 2 ** 52);
  const places = 10n ** BigInt(digits);
  // The estimate may be off by one, which shows in the number of digits.
  for (let first = Math.floor((Math.log2(mantissa) + exponent) * Math.log10(2)); ; ) {
    const scaled = ceilTimesPowerOfTen(significand, exponent - 52, digits - 1 - first);
    if (scaled === places) return [scaled / 10n, first + 1];
    if (scaled > places) first += 1;
    else if (scaled * 10n < places) first -= 1;
    else return [scaled, first];
  }
}

/** `⌈x · 2^exponent · 10^power⌉`, or slightly above where the power of ten is not exact. */
function ceilTimesPowerOfTen(x: bigint, exponent: number, power: number): bigint {
  const ten = powerOfTen(Math.abs(power), power >= 0);
  const [numerator, denominator] = power >= 0 ? [x * ten.significand, 1n] : [x, ten.significand];
  const shift = power >= 0 ? exponent + ten.exponent : exponent - ten.exponent;
  return shift >= 0
    ? ceilDivide(numerator << BigInt(shift), denominator)
    : ceilDivide(numerator, denominator << BigInt(-shift));
}

/** `10^power` by squaring, rounded in one direction to {@link WIDE_BITS} bits at each step. */
function powerOfTen(power: number, upward: boolean): Wide {
  let result: Wide = { significand: 1n, exponent: 0 };
  for (const bit of power.toString(2)) {
    const factor = bit === '1' ? 5n : 1n;
    result = narrowed(
      result.significand * result.significand * factor,
      2 * result.exponent + (bit === '1' ? 1 : 0),
      upward,
    );
  }
  return result;
}

function narrowed(significand: bigint, exponent: number, upward: boolean): Wide {
  const excess = BigInt(bitLength(significand) - WIDE_BITS);
  if (excess <= 0n) return { significand, exponent };
  const kept = upward ? ceilDivide(significand, 1n << excess) : significand >> excess;
  return { significand: kept, exponent: exponent + Number(excess) };
}

/** The smallest bound at or above `x · 2^exponent`. */
function boundAbove(x: bigint, exponent: number): Bound {
  const excess = Math.max(bitLength(x) - 53, 0);
  const { mantissa, exponent: own } = fromNumber(Number(ceilDivide(x, 1n << BigInt(excess))));
  // The product is exact, and applies the limits of the exponent.
  return multiply({ mantissa, exponent: 0 }, { mantissa: 1, exponent: own + excess + exponent });
}

function ceilDivide(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

function bitLength(x: bigint): number {
  return x.toString(2).length;
}
