import { type Bound, fromNumber, multiply, ZERO } from '../numeric/bound.ts';
import { addUp, exponentOf, powerFactors, SMALLEST } from './outward.ts';

/** A dense matrix, row-major: `data[i·columns + j]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: ArrayLike<number>;
}

/** A matrix of the numbers in `data`. Throws where the numbers do not fill it. */
export function matrix(rows: number, columns: number, data: ArrayLike<number>): Matrix {
  if (data.length !== rows * columns)
    throw new Error(`${data.length} numbers do not fill ${rows}×${columns}`);
  return { rows, columns, data };
}

/** `Aᵀ` of a rows × columns matrix. */
export function transposed(data: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j] ?? 0;
  }
  return out;
}

/** `A = 2^exponent·(data + E)` with `½ ≤ max |data| < 1` and `Σ |E_ij| ≤ lost`. */
export interface UnitMatrix {
  readonly data: Float64Array;
  readonly exponent: number;
  readonly lost: number;
}

/**
 * The matrix times the power of two that brings its largest entry into [½, 1), or undefined if it is zero. Entries that become
 * subnormal on the way lose at most 2⁻¹⁰⁷⁴ each. Throws on entries that are not finite.
 */
export function toUnit(numbers: ArrayLike<number>): UnitMatrix | undefined {
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < numbers.length; i++) {
    const magnitude = Math.abs(numbers[i] ?? 0);
    // Written so that NaN throws too.
    if (!(magnitude < Number.POSITIVE_INFINITY)) throw new Error('the norm of a matrix that is not finite');
    if (magnitude > largest) largest = magnitude;
    if (magnitude > 0 && magnitude < smallest) smallest = magnitude;
  }
  if (largest === 0) return undefined;
  const exponent = exponentOf(largest);
  const data = Float64Array.from(numbers);
  scaleInPlace(data, -exponent);
  const exact = exponent <= 0 || exponentOf(smallest) - exponent > SMALLEST_NORMAL_EXPONENT;
  return { data, exponent, lost: exact ? 0 : data.length * SMALLEST };
}

/** {@link exponentOf} of the smallest normal number. */
const SMALLEST_NORMAL_EXPONENT = -1021;

/**
 * A bound of a norm from a rule that needs the largest entry in [½, 1), for norms that change by at most the sum of the absolute
 * changes of the entries: all operator norms here.
 */
export function onUnit(numbers: ArrayLike<number>, norm: (unit: Float64Array) => number): Bound {
  const unit = toUnit(numbers);
  return unit === undefined ? ZERO : shifted(addUp(norm(unit.data), unit.lost), unit.exponent);
}

/** `x·2^e`, exactly. */
export function shifted(x: number, e: number): Bound {
  return multiply(fromNumber(x), { mantissa: 1, exponent: e });
}

/** Multiplies by 2^e; each entry that becomes subnormal loses at most 2⁻¹⁰⁷⁴. */
export function scaleInPlace(data: Float64Array, e: number): void {
  if (e === 0) return;
  const [a, b] = powerFactors(e);
  for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) * a * b;
}
