/**
 * Exact fractions. Numbers of a spec stay exact until a stage needs a float64, so that `xi * 80000` or `0.1 * 3`
 * is rounded once, not at every step of the way.
 */
export interface Rational {
  readonly numerator: bigint;
  /** Positive, and coprime to the numerator. */
  readonly denominator: bigint;
}

/** Decimal exponents and digits beyond this are no number that float64 could hold. */
const MAX_DECIMAL_DIGITS = 1100;

/** Numerators and denominators beyond this many hexadecimal digits are refused rather than computed with. */
const MAX_HEX_DIGITS = 4096;

export const ZERO: Rational = { numerator: 0n, denominator: 1n };

function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}

/** The fraction in lowest terms; `denominator` must not be 0. */
export function rational(numerator: bigint, denominator = 1n): Rational {
  if (denominator === 0n) throw new Error('a fraction with denominator 0');
  const divisor = gcd(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** Reads `80000`, `3e-3`, `.5`, `60_000`; undefined where the text is no decimal number or far outside float64. */
export function parseDecimal(text: string): Rational | undefined {
  if (text.length > 2 * MAX_DECIMAL_DIGITS) return undefined;
  const match = /^(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.replaceAll('_', ''));
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponentText = '0'] = match;
  const digits = whole + fraction;
  const exponent = Number(exponentText) - fraction.length;
  if (digits === '' || Math.abs(exponent) > MAX_DECIMAL_DIGITS) return undefined;
  const scale = 10n ** BigInt(Math.abs(exponent));
  return exponent < 0 ? rational(BigInt(digits), scale) : rational(BigInt(digits) * scale);
}

export function add(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function negate(a: Rational): Rational {
  return { numerator: -a.numerator, denominator: a.denominator };
}

export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** `a / b`; `b` must not be 0. */
export function divide(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

export function isInteger(a: Rational): boolean {
  return a.denominator === 1n;
}

/** Whether further arithmetic would be slow: a defence against specs made to exhaust the compiler. */
export function isUnwieldy(a: Rational): boolean {
  return (
    a.numerator.toString(16).length > MAX_HEX_DIGITS || a.denominator.toString(16).length > MAX_HEX_DIGITS
  );
}

const EXACT = 2n ** 53n;

/**
 * The nearest float64, ties to even; ±Infinity past the range. A quotient of 64 or more bits with its remainder
 * folded into the lowest bit rounds as the exact quotient does (subnormal results may round twice).
 */
export function toNumber(a: Rational): number {
  const { denominator } = a;
  const negative = a.numerator < 0n;
  const magnitude = negative ? -a.numerator : a.numerator;
  if (magnitude <= EXACT && denominator <= EXACT) return Number(a.numerator) / Number(denominator);
  const bits = (n: bigint): number => n.toString(16).length * 4;
  const shift = Math.max(0, 72 + bits(denominator) - bits(magnitude));
  const shifted = magnitude << BigInt(shift);
  const quotient = (shifted / denominator) | (shifted % denominator === 0n ? 0n : 1n);
  const half = Math.floor(shift / 2);
  const value = Number(quotient) * 2 ** -half * 2 ** -(shift - half);
  return negative ? -value : value;
}
