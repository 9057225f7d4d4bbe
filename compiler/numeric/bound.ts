/**
 * Non-negative bounds `mantissa · 2^exponent` whose exponent is a number of its own: the gain of 10,000 layers, 10^4000, is a bound
 * like any other, and no operation makes an Infinity or a NaN.
 *
 * `add`, `subtract`, `multiply`, `divide`, `sqrt` round towards +∞ *correctly*: the result is the smallest 53-bit bound at or above the
 * exact one. It follows that they are exact wherever the exact result has 53 bits (neutral elements, powers of two), monotone
 * (`subtract` and `divide` antitone in their second operand), and invariant to powers of two. The counterparts that end in `Down` round
 * towards 0 just as correctly: they make the lower bounds that denominators need.
 *
 * The argument: with mantissas in [1, 2) nothing overflows or underflows, float64 gives the nearest result s, and an error-free transformation gives
 * the sign of what s lacks (Dekker, "A floating-point technique for extending the available precision", 1971): where it is positive the
 * next mantissa up is the answer, else s is.
 */
export interface Bound {
  /** 0, or in [1, 2). */
  readonly mantissa: number;
  /** An integer below 2^50 in magnitude, but in {@link UNBOUNDED}; 0 where the mantissa is 0. */
  readonly exponent: number;
}

/** Exponents stay exact integers of float64 with room for one sum of two. */
const EXPONENT_LIMIT = 2 ** 50;

/** The distance of mantissas. */
const ULP = 2 ** -52;

export const ZERO: Bound = { mantissa: 0, exponent: 0 };
export const ONE: Bound = { mantissa: 1, exponent: 0 };

/**
 * The upper bound that says nothing: of results past 2^(2^50), which only towers of products reach. It is above every other bound and
 * absorbs: a sum, a product by other than 0, a quotient or a root of it is {@link UNBOUNDED} again. No lower bound is.
 */
export const UNBOUNDED: Bound = { mantissa: 1, exponent: EXPONENT_LIMIT };

export function isUnbounded(a: Bound): boolean {
  return a.exponent === EXPONENT_LIMIT;
}

const LARGEST: Bound = { mantissa: 2 - ULP, exponent: EXPONENT_LIMIT - 1 };
const SMALLEST: Bound = { mantissa: 1, exponent: 1 - EXPONENT_LIMIT };

const bits = new DataView(new ArrayBuffer(8));

/** Exactly x. @throws where x is negative, infinite or NaN */
export function fromNumber(x: number): Bound {
  if (!(x >= 0 && x < Infinity)) throw new Error(`${x} is no bound`);
  if (x === 0) return ZERO;
  if (x < 2 ** -1022) {
    const { mantissa, exponent } = fromNumber(x * 2 ** 52);
    return { mantissa, exponent: exponent - 52 };
  }
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  return { mantissa: bits.getFloat64(0), exponent: (high >>> 20) - 1023 };
}

/** The smallest float64 at or above: exact for normal numbers, Infinity (the only one) past the largest finite float64. */
export function toNumber({ mantissa, exponent }: Bound): number {
  if (exponent > 1023) return Infinity;
  if (exponent >= -1022) return mantissa * 2 ** exponent;
  return Math.ceil(mantissa * 2 ** Math.max(exponent + 1074, -1)) * Number.MIN_VALUE;
}

/** Negative, 0 or positive as a is below, equal to or above b. */
export function compare(a: Bound, b: Bound): number {
  if (a.mantissa === 0 || b.mantissa === 0) return a.mantissa - b.mantissa;
  return a.exponent - b.exponent || a.mantissa - b.mantissa;
}

export function max(a: Bound, b: Bound): Bound {
  return compare(a, b) >= 0 ? a : b;
}

export function min(a: Bound, b: Bound): Bound {
  return compare(a, b) <= 0 ? a : b;
}

/** a + b, at or above. */
export function add(a: Bound, b: Bound): Bound {
  return sum(a, b, true);
}

/** a + b, at or below. */
export function addDown(a: Bound, b: Bound): Bound {
  return sum(a, b, false);
}

/** max(a − b, 0), at or above; an upper bound where b is a lower one. */
export function subtract(a: Bound, b: Bound): Bound {
  return difference(a, b, true);
}

/** max(a − b, 0), at or below; a lower bound where b is an upper one. */
export function subtractDown(a: Bound, b: Bound): Bound {
  return difference(a, b, false);
}

/** a · b, at or above. */
export function multiply(a: Bound, b: Bound): Bound {
  return product(a, b, true);
}

/** a · b, at or below. */
export function multiplyDown(a: Bound, b: Bound): Bound {
  return product(a, b, false);
}

/** a / b, at or above; an upper bound where b is a lower one. @throws where b is 0 */
export function divide(a: Bound, b: Bound): Bound {
  return quotient(a, b, true);
}

/** a / b, at or below; a lower bound where b is an upper one. @throws where b is 0 */
export function divideDown(a: Bound, b: Bound): Bound {
  return quotient(a, b, false);
}

/** √a, at or above. */
export function sqrt(a: Bound): Bound {
  return root(a, true);
}

/** √a, at or below. */
export function sqrtDown(a: Bound): Bound {
  return root(a, false);
}

/** Powers of two by which the smaller summand is shifted; beyond 64 places only its sign matters, and any shift shows that. */
const SHIFTS = Float64Array.from({ length: 65 }, (_, places) => 2 ** -places);

function shiftOf(places: number): number {
  return SHIFTS[Math.min(places, 64)] ?? 0;
}

function sum(a: Bound, b: Bound, upward: boolean): Bound {
  if (b.mantissa === 0) return a;
  if (a.mantissa === 0) return b;
  if (a.exponent < b.exponent) return sum(b, a, upward);
  if (upward && isUnbounded(a)) return UNBOUNDED;
  const smaller = b.mantissa * shiftOf(a.exponent - b.exponent);
  const s = a.mantissa + smaller;
  return rounded(s, smaller - (s - a.mantissa), a.exponent, upward);
}

function difference(a: Bound, b: Bound, upward: boolean): Bound {
  if (b.mantissa === 0) return a;
  if (upward && isUnbounded(a)) return UNBOUNDED;
  if (compare(a, b) <= 0) return ZERO;
  const smaller = b.mantissa * shiftOf(a.exponent - b.exponent);
  const s = a.mantissa - smaller;
  // Cancellation past one binary place is exact, so that a nonzero error meets an `exponent` of −1 or 0.
  const { mantissa, exponent } = fromNumber(s);
  return rounded(mantissa, a.mantissa - s - smaller, a.exponent + exponent, upward);
}

function product(a: Bound, b: Bound, upward: boolean): Bound {
  if (a.mantissa === 0 || b.mantissa === 0) return ZERO;
  if (upward && (isUnbounded(a) || isUnbounded(b))) return UNBOUNDED;
  const s = a.mantissa * b.mantissa;
  return rounded(s, productError(a.mantissa, b.mantissa, s), a.exponent + b.exponent, upward);
}

function quotient(a: Bound, b: Bound, upward: boolean): Bound {
  if (b.mantissa === 0) throw new Error('a bound divided by 0');
  if (a.mantissa === 0) return ZERO;
  if (upward && isUnbounded(a)) return UNBOUNDED;
  const s = a.mantissa / b.mantissa;
  return rounded(s, remainder(a.mantissa, s, b.mantissa), a.exponent - b.exponent, upward);
}

function root(a: Bound, upward: boolean): Bound {
  if (a.mantissa === 0) return ZERO;
  if (upward && isUnbounded(a)) return UNBOUNDED;
  const half = Math.floor(a.exponent / 2);
  const radicand = a.exponent === 2 * half ? a.mantissa : 2 * a.mantissa;
  const s = Math.sqrt(radicand);
  return rounded(s, remainder(radicand, s, s), half, upward);
}

/** Veltkamp's constant: it splits 53 bits into two halves whose products are exact. */
const SPLITTER = 2 ** 27 + 1;

/** `a·b − p` exactly, for p the float64 product of a and b (Dekker 1971). */
function productError(a: number, b: number, p: number): number {
  const wideA = SPLITTER * a;
  const highA = wideA - (wideA - a);
  const lowA = a - highA;
  const wideB = SPLITTER * b;
  const highB = wideB - (wideB - b);
  const lowB = b - highB;
  return lowA * lowB - (p - highA * highB - lowA * highB - highA * lowB);
}

/** `x − s·b` exactly, for s the float64 quotient x / b (or root, b = s): it has 53 bits, and so has `x − fl(s·b)`. */
function remainder(x: number, s: number, b: number): number {
  const p = s * b;
  return x - p - productError(s, b, p);
}

/**
 * The bound next to `(s + error) · 2^exponent` in the given direction, s in (1/2, 4) being the nearest to `s + error`, of which the
 * sign of `error` is all that matters.
 */
function rounded(s: number, error: number, exponent: number, upward: boolean): Bound {
  let mantissa = s;
  let e = exponent;
  if (mantissa >= 2) {
    mantissa /= 2;
    e += 1;
  } else if (mantissa < 1) {
    mantissa *= 2;
    e -= 1;
  }
  if (upward && error > 0) {
    mantissa += ULP;
    if (mantissa === 2) {
      mantissa = 1;
      e += 1;
    }
  } else if (!upward && error < 0) {
    if (mantissa === 1) {
      mantissa = 2;
      e -= 1;
    }
    mantissa -= ULP;
  }
  if (e >= EXPONENT_LIMIT) return upward ? UNBOUNDED : LARGEST;
  if (e <= -EXPONENT_LIMIT) return upward ? SMALLEST : ZERO;
  return { mantissa, exponent: e };
}

/** A bound as JSON holds it exactly: `[mantissa, exponent]`. */
export type BoundJson = readonly [mantissa: number, exponent: number];

export function boundToJson({ mantissa, exponent }: Bound): BoundJson {
  return [mantissa, exponent];
}

/** The bound that JSON holds; undefined where it holds none. */
export function boundFromJson(json: unknown): Bound | undefined {
  if (!Array.isArray(json) || json.length !== 2) return undefined;
  const [mantissa, exponent]: unknown[] = json;
  if (typeof mantissa !== 'number' || typeof exponent !== 'number') return undefined;
  if (mantissa === 0) return exponent === 0 ? ZERO : undefined;
  if (mantissa === 1 && exponent === EXPONENT_LIMIT) return UNBOUNDED;
  const valid =
    mantissa >= 1 && mantissa < 2 && Number.isInteger(exponent) && Math.abs(exponent) < EXPONENT_LIMIT;
  // JSON knows −0.
  return valid ? { mantissa, exponent: exponent + 0 } : undefined;
}
