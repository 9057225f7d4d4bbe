/**
 * Non-negative numbers `m · 2^e` with m of exactly 64 bits, by whole-number arithmetic: a second implementation of what bounds need, which
 * shares nothing with `numeric/bound`. Every result is the smallest such number at or above the exact one.
 */
export interface Dyadic {
  /** 0, or in [2^63, 2^64). */
  readonly m: bigint;
  readonly e: number;
}

const TOP = 1n << 63n;
const OVER = 1n << 64n;

/** As in the registry's bounds: numbers of 2^(2^50) and more are unbounded. */
const LIMIT = 2 ** 50;

export const ZERO: Dyadic = { m: 0n, e: 0 };
export const ONE: Dyadic = { m: TOP, e: -63 };
/** Says nothing; absorbs sums, and products by other than 0. */
export const UNBOUNDED: Dyadic = { m: TOP, e: LIMIT - 63 };
const SMALLEST: Dyadic = { m: TOP, e: -LIMIT - 62 };

export function isZero(a: Dyadic): boolean {
  return a.m === 0n;
}

export function isUnbounded(a: Dyadic): boolean {
  return a.e === UNBOUNDED.e;
}

/** `m · 2^e` for any m ≥ 0, rounded up. */
export function dyadic(m: bigint, e: number): Dyadic {
  if (m === 0n) return ZERO;
  const excess = bitLength(m) - 64;
  return excess <= 0
    ? limited(m << BigInt(-excess), e + excess)
    : limited(shiftedUp(m, BigInt(excess)), e + excess);
}

/** Exactly x. @throws where x is negative or not finite */
export function fromNumber(x: number): Dyadic {
  if (!(x >= 0 && x < Infinity)) throw new Error(`${x} is no bound`);
  if (x === 0) return ZERO;
  // The largest power of two that divides 2^1074·x to a whole number of 53 bits.
  const e = Math.max(Math.floor(Math.log2(x)) - 53, -1074);
  const m = e < -1000 ? x * 2 ** 1000 * 2 ** (-e - 1000) : x * 2 ** -e;
  return Number.isInteger(m) ? dyadic(BigInt(m), e) : dyadic(BigInt(m * 2), e - 1);
}

export function compare(a: Dyadic, b: Dyadic): number {
  if (a.m === 0n || b.m === 0n) return a.m === b.m ? 0 : a.m < b.m ? -1 : 1;
  if (a.e !== b.e) return a.e - b.e;
  return a.m === b.m ? 0 : a.m < b.m ? -1 : 1;
}

export function min(a: Dyadic, b: Dyadic): Dyadic {
  return compare(a, b) <= 0 ? a : b;
}

export function max(a: Dyadic, b: Dyadic): Dyadic {
  return compare(a, b) >= 0 ? a : b;
}

export function add(a: Dyadic, b: Dyadic): Dyadic {
  if (a.m === 0n) return b;
  if (b.m === 0n) return a;
  if (a.e < b.e) return add(b, a);
  if (isUnbounded(a)) return UNBOUNDED;
  const places = a.e - b.e;
  // Past 64 places the smaller one only rounds the larger up.
  if (places > 64) return limited(a.m + 1n, a.e);
  return dyadic((a.m << BigInt(places)) + b.m, b.e);
}

export function multiply(a: Dyadic, b: Dyadic): Dyadic {
  if (a.m === 0n || b.m === 0n) return ZERO;
  if (isUnbounded(a) || isUnbounded(b)) return UNBOUNDED;
  const product = a.m * b.m;
  const places = product >> 127n === 0n ? 63 : 64;
  return limited(shiftedUp(product, BigInt(places)), a.e + b.e + places);
}

/** a / b rounded up. @throws where b is 0 */
export function divide(a: Dyadic, b: Dyadic): Dyadic {
  if (a.m === 0n) return ZERO;
  if (isUnbounded(a)) return UNBOUNDED;
  const numerator = a.m << 65n;
  const quotient = numerator / b.m;
  return dyadic(quotient * b.m === numerator ? quotient : quotient + 1n, a.e - b.e - 65);
}

export function sqrt(a: Dyadic): Dyadic {
  if (a.m === 0n) return ZERO;
  if (isUnbounded(a)) return UNBOUNDED;
  const places = Math.abs(a.e % 2) === 1 ? 63 : 64;
  return limited(rootUp(a.m << BigInt(places)), (a.e - places) / 2);
}

/** Whether `a ≤ x·y`, exactly. */
export function isAtMostProduct(a: Dyadic, x: Dyadic, y: Dyadic): boolean {
  if (a.m === 0n) return true;
  if (x.m === 0n || y.m === 0n || isUnbounded(a)) return false;
  const places = a.e - x.e - y.e;
  if (places > 200) return false;
  if (places < -200) return true;
  const product = x.m * y.m;
  return places >= 0 ? a.m << BigInt(places) <= product : a.m <= product << BigInt(-places);
}

/** Whether a and b differ by no more than 2^-30 (9.3e-10) of the larger: other roundings of the same exact bound. */
export function isAlike(a: Dyadic, b: Dyadic): boolean {
  if (compare(a, b) > 0) return isAlike(b, a);
  if (a.m === 0n || isUnbounded(b)) return compare(a, b) === 0;
  if (b.e - a.e > 1) return false;
  const larger = b.m << BigInt(b.e - a.e);
  return (larger - a.m) << 30n <= larger;
}

/** For people and nothing else: the nearest float64 of the mantissa, and the power of two. */
export function parts(a: Dyadic): { readonly mantissa: number; readonly exponent: number } {
  return { mantissa: Number(a.m) / 2 ** 63, exponent: a.m === 0n ? 0 : a.e + 63 };
}

function limited(m: bigint, e: number): Dyadic {
  if (m === OVER) return limited(TOP, e + 1);
  if (e + 63 >= LIMIT) return UNBOUNDED;
  return e + 63 <= -LIMIT ? SMALLEST : { m, e };
}

function shiftedUp(m: bigint, places: bigint): bigint {
  const kept = m >> places;
  return kept << places === m ? kept : kept + 1n;
}

function bitLength(m: bigint): number {
  const text = m.toString(16);
  return 4 * text.length - (Math.clz32(Number.parseInt(text.charAt(0), 16)) - 28);
}

/** The smallest whole number whose square is at least x, for x of about 128 bits. */
function rootUp(x: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(x))));
  // One step of Newton's from 50 good bits gives nearly 100.
  root = (root + x / root) >> 1n;
  while (root * root >= x) root -= 1n;
  while (root * root < x) root += 1n;
  return root;
}
