import type { ErrorAlgebra } from '../ir/bound-rules.ts';
import type { Bound } from '../numeric/bound.ts';
import type { Dyadic } from './dyadic.ts';
import * as D from './dyadic.ts';

/** Between the numbers that the registry's rules speak of and those of the certifier. */

/** Exactly the same number: 53 bits fit into 64. */
export function fromBound({ mantissa, exponent }: Bound): Dyadic {
  if (mantissa === 0) return D.ZERO;
  return D.dyadic(BigInt(mantissa * 2 ** 52), exponent - 52);
}

/** The smallest number of 53 bits at or above. */
export function toBound(a: Dyadic): Bound {
  if (D.isZero(a)) return { mantissa: 0, exponent: 0 };
  const kept = a.m >> 11n;
  const up = kept << 11n === a.m ? kept : kept + 1n;
  const mantissa = Number(up) / 2 ** 52;
  return mantissa === 2 ? { mantissa: 1, exponent: a.e + 64 } : { mantissa, exponent: a.e + 63 };
}

const total = (operands: readonly Dyadic[]): Dyadic => operands.reduce(D.add, D.ZERO);

/** The registry's error rules, evaluated in whole-number arithmetic. */
export const ARITHMETIC: ErrorAlgebra<Dyadic> = {
  constant: fromBound,
  sum: total,
  product: (operands) => operands.reduce(D.multiply, D.ONE),
  scale: (coefficient, operand) => D.multiply(fromBound(coefficient), operand),
  min: (operands) => operands.reduce((a, b) => D.min(a, b)),
  max: (operands) => operands.reduce((a, b) => D.max(a, b), D.ZERO),
  sqrt: D.sqrt,
  jump: (operand, threshold, level) =>
    D.compare(operand, fromBound(threshold)) >= 0 ? fromBound(level) : D.ZERO,
};

export function rootOf(n: number): Dyadic {
  return D.sqrt(D.fromNumber(n));
}

/** `x·√n`, and x itself for one. */
export function timesRoot(x: Dyadic, n: number): Dyadic {
  return n === 1 ? x : D.multiply(x, rootOf(n));
}
