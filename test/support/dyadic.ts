import type { Bound } from '../../compiler/numeric/bound.ts';

/** Exact numbers `significand · 2^exponent` on BigInt: what bounds are compared with. */
export interface Dyadic {
  readonly significand: bigint;
  readonly exponent: number;
}

/** Sums drop what lies this many bits below the larger summand: far below every comparison. */
const FAR = 2000;

export function dyadicOf({ mantissa, exponent }: Bound): Dyadic {
  return { significand: BigInt(mantissa * 2 ** 52), exponent: exponent - 52 };
}

export function timesDyadic(a: Dyadic, b: Dyadic): Dyadic {
  return { significand: a.significand * b.significand, exponent: a.exponent + b.exponent };
}

/** a + b; of a summand more than {@link FAR} bits smaller only the sign stays. */
export function exactSum(a: Dyadic, b: Dyadic): Dyadic {
  if (a.significand === 0n) return b;
  if (b.significand === 0n) return a;
  if (a.exponent < b.exponent) return exactSum(b, a);
  const shift = a.exponent - b.exponent;
  if (shift > FAR + bitLength(b.significand)) {
    const sign = b.significand > 0n ? 1n : -1n;
    return { significand: (a.significand << BigInt(FAR)) + sign, exponent: a.exponent - FAR };
  }
  return { significand: (a.significand << BigInt(shift)) + b.significand, exponent: b.exponent };
}

/** The sign of a − b: exact, since a difference of signs or of far summands keeps its sign. */
export function compareDyadic(a: Dyadic, b: Dyadic): number {
  const { significand } = exactSum(a, { significand: -b.significand, exponent: b.exponent });
  return significand > 0n ? 1 : significand < 0n ? -1 : 0;
}

/** At or below x ≥ 0, with 300 bits. */
export function truncated(x: Dyadic): Dyadic {
  const excess = bitLength(x.significand) - 300;
  return excess > 0 ? { significand: x.significand >> BigInt(excess), exponent: x.exponent + excess } : x;
}

/** ⌊√x⌋ by Newton's iteration from above. */
export function isqrt(x: bigint): bigint {
  if (x < 2n) return x;
  let root = 1n << BigInt(Math.ceil(bitLength(x) / 2));
  for (;;) {
    const next = (root + x / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

export function bitLength(x: bigint): number {
  return (x < 0n ? -x : x).toString(2).length;
}
