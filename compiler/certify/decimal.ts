import type { Dyadic } from './dyadic.ts';
import * as D from './dyadic.ts';

/** Bits that powers of ten are carried with: 10^(10^15) is then off by less than 2^-100 of itself. */
const BITS = 200;

/** The number that a certificate states as a decimal, rounded up; undefined for other text. */
export function readDecimal(text: string): Dyadic | undefined {
  if (text === 'unbounded') return D.UNBOUNDED;
  const match = /^(\d{1,80})(?:\.(\d{1,80}))?(?:e([+-]\d{1,16}))?$/.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  const power = Number(exponent) - fraction.length;
  const ten = powerOfTen(Math.abs(power));
  if (power >= 0) return D.dyadic(digits * ten.m, ten.e);
  const numerator = digits << 600n;
  return D.dyadic((numerator + ten.m - 1n) / ten.m, -600 - ten.e);
}

function powerOfTen(n: number): { readonly m: bigint; readonly e: number } {
  let m = 1n;
  let e = 0;
  for (const bit of n.toString(2)) {
    m *= m;
    e *= 2;
    if (bit === '1') m *= 10n;
    const excess = m.toString(16).length * 4 - BITS;
    if (excess <= 0) continue;
    m >>= BigInt(excess);
    e += excess;
  }
  return { m, e };
}

/** For people: five significant digits, rounded up. */
export function writeDecimal(a: Dyadic): string {
  if (D.isUnbounded(a)) return 'unbounded';
  const { mantissa, exponent } = D.parts(a);
  if (Math.abs(exponent) < 1000) return `${fiveDigitsUp(mantissa * 2 ** exponent * (1 + 2 ** -51))}`;
  const decimal = (Math.log2(mantissa) + exponent) * Math.log10(2);
  const whole = Math.floor(decimal);
  // The logarithm of a number of 10^15 digits has few digits left behind the point.
  const slack = 1 + 2 ** -40 * Math.abs(exponent);
  return `${fiveDigitsUp(10 ** (decimal - whole) * slack)}e${whole < 0 ? '' : '+'}${whole}`;
}

function fiveDigitsUp(x: number): number {
  const near = Number(x.toPrecision(5));
  if (near >= x) return near;
  return Number((near + 10 ** (Math.floor(Math.log10(near)) - 4)).toPrecision(5));
}
