import type { Bound } from '../numeric/bound.ts';
import { frobeniusUp, gramInto, interpolatedUp } from './gram.ts';
import { type Matrix, onUnit, scaleInPlace, toUnit, transposed } from './matrix.ts';
import { addUp, exponentOf, gamma, mulUp, SMALLEST, scaleUp, sqrtUp } from './outward.ts';

/** What a bound may cost. */
export interface SpectralOptions {
  /** Stop once the bound is known to exceed the norm by no more than this fraction. */
  readonly tolerance?: number;
  /** Stop after this many squarings; each takes the square root of the excess. */
  readonly squarings?: number;
}

const TOLERANCE = 5e-4;
const SQUARINGS = 20;

/**
 * A certified upper bound of the operator 2-norm: `‖A‖₂ ≤ ‖(A·Aᵀ)^(2^(t−1))‖_F^(1/2^t)`, by t − 1 squarings (Delattre et al.,
 * "Efficient bound of Lipschitz constant for convolutional layers by Gram iteration", ICML 2023), every rounding
 * included; never above `√(‖A‖₁·‖A‖_∞)` and `‖A‖_F`. Throws on entries that are not finite.
 */
export function spectralNorm({ rows, columns, data }: Matrix, options: SpectralOptions = {}): Bound {
  return onUnit(data, (unit) => unitNorm(unit, rows, columns, options, 0));
}

/**
 * The same in float64, for matrices whose norm is far from its ends. The search stops once the bound is at most `enough`: the caller
 * takes a maximum that is no smaller.
 */
export function spectralNormUp(
  { rows, columns, data }: Matrix,
  options: SpectralOptions = {},
  enough = 0,
): number {
  const unit = toUnit(data);
  if (unit === undefined) return 0;
  const bound = unitNorm(unit.data, rows, columns, options, scaledDown(enough, unit.exponent));
  return scaleUp(addUp(bound, unit.lost), unit.exponent);
}

/** x·2^−e, rounded down enough for a threshold: too small a one costs time, never validity. */
function scaledDown(x: number, e: number): number {
  return Math.abs(e) > 1000 ? 0 : x * 2 ** -e * (1 - 2 ** -50);
}

/** `‖A_t‖² ≤ 2^exponent·‖A_{t+1}‖ + error`: one step from a matrix to its scaled, rounded Gram matrix. */
interface GramStep {
  readonly exponent: number;
  readonly error: number;
}

/** An upper bound of `‖A‖₂` for a matrix whose largest entry lies in [½, 1). */
function unitNorm(
  data: Float64Array,
  rows: number,
  columns: number,
  options: SpectralOptions,
  enough: number,
): number {
  if (rows > columns) return unitNorm(transposed(data, rows, columns), columns, rows, options, enough);
  const { tolerance = TOLERANCE, squarings = SQUARINGS } = options;
  let frobenius = frobeniusUp(data);
  let best = Math.min(frobenius, interpolatedUp(data, rows, columns));
  // The Frobenius norm of one row is its 2-norm.
  if (rows === 1) return best;
  const steps: GramStep[] = [];
  let current: Float64Array = data;
  let next: Float64Array = new Float64Array(rows * rows);
  let spare: Float64Array = new Float64Array(rows * rows);
  for (let t = 0; best > enough; t++) {
    const terms = t === 0 ? columns : rows;
    gramInto(next, current, rows, terms);
    const exponent = scaleByDiagonal(next, rows);
    // |fl(A·Aᵀ) − A·Aᵀ| ≤ γ·|A|·|A|ᵀ, whose Frobenius norm is at most γ·‖A‖_F²; then what underflow loses in products and in scaling.
    const rounding = mulUp(gamma(terms), mulUp(frobenius, frobenius));
    steps.push({ exponent, error: addUp(rounding, 4 * rows * terms * SMALLEST) });
    current = next;
    next = spare;
    spare = current;
    frobenius = frobeniusUp(current);
    const done = t === squarings || excess(current, rows, frobenius) * 2 ** -(t + 1) <= tolerance;
    if (done || enough > 0) {
      best = Math.min(best, rootOf(Math.min(frobenius, interpolatedUp(current, rows, rows)), steps));
    }
    if (done) break;
  }
  return best;
}

/** Brings the largest diagonal entry of a Gram matrix, above which no other lies but by rounding, into [½, 1). */
function scaleByDiagonal(gram: Float64Array, rows: number): number {
  let largest = 0;
  for (let i = 0; i < rows; i++) largest = Math.max(largest, gram[i * rows + i] ?? 0);
  if (!(largest > 0)) throw new Error(`the Gram matrix of ${rows} rows vanished`);
  const exponent = exponentOf(largest);
  scaleInPlace(gram, -exponent);
  return exponent;
}

/** The norm of the first matrix from a bound of the last one's. */
function rootOf(last: number, steps: readonly GramStep[]): number {
  return steps.reduceRight(
    (norm, { exponent, error }) => sqrtUp(addUp(scaleUp(norm, exponent), error)),
    last,
  );
}

/**
 * The logarithm of `‖G‖_F` over the lower bound `‖G‖_F² / tr G` of the largest eigenvalue of a positive semidefinite G. It only
 * decides when to stop.
 */
function excess(gram: Float64Array, rows: number, frobenius: number): number {
  let trace = 0;
  for (let i = 0; i < rows; i++) trace += gram[i * rows + i] ?? 0;
  return Math.log(trace / frobenius);
}
