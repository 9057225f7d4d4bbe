import type { Bound } from '../numeric/bound.ts';
import { absoluteSumsUp, frobeniusUp } from './gram.ts';
import { type Matrix, onUnit } from './matrix.ts';

/* Norms that are sums of entries: exact up to upward rounding, at any magnitude. */

/** `‖A‖_∞ = max_i Σ_j |a_ij|`, rounded up: the operator norm from ∞ to ∞. */
export function normInf({ rows, columns, data }: Matrix): Bound {
  return onUnit(data, (unit) => absoluteSumsUp(unit, rows, columns).inf);
}

/** `‖A‖₁ = max_j Σ_i |a_ij|`, rounded up: the operator norm from 1 to 1. */
export function norm1({ rows, columns, data }: Matrix): Bound {
  return onUnit(data, (unit) => absoluteSumsUp(unit, rows, columns).one);
}

/** `‖A‖_F = √(Σ a_ij²)`, rounded up; the 2-norm of a vector. */
export function normFrobenius(data: ArrayLike<number>): Bound {
  return onUnit(data, frobeniusUp);
}
