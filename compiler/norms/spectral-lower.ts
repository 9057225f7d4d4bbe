import { type Bound, ZERO } from '../numeric/bound.ts';
import { frobeniusUp } from './gram.ts';
import { type Matrix, shifted, toUnit } from './matrix.ts';
import { gamma } from './outward.ts';

/**
 * A certified lower bound of the operator 2-norm, `‖A·x‖ / ‖x‖` rounded down at the x of a power iteration: what upper bounds are
 * compared with. It says nothing about how far below the norm it lies.
 */
export function spectralNormLower({ rows, columns, data }: Matrix, iterations = 200): Bound {
  const unit = toUnit(data);
  if (unit === undefined) return ZERO;
  const a = unit.data;
  const slack = frobeniusUp(a) * gamma(Math.max(rows, columns) + 8) * 4 + unit.lost;
  let x = largestRow(a, rows, columns);
  let best = 0;
  for (let k = 0; k < iterations; k++) {
    const y = apply(a, rows, columns, x);
    best = Math.max(best, length(y));
    x = normalized(applyTransposed(a, rows, columns, y));
  }
  // |fl(A·x) − A·x| ≤ γ·|A|·|x| for ‖x‖ = 1 + O(γ), and the length of y is good to γ too.
  const lower = Math.max(0, best * (1 - 8 * gamma(Math.max(rows, columns))) - slack);
  return shifted(lower, unit.exponent);
}

/** The longest row, normalized: it is not orthogonal to the range of `Aᵀ`. */
function largestRow(a: Float64Array, rows: number, columns: number): Float64Array {
  let best = a.subarray(0, columns);
  for (let i = 1; i < rows; i++) {
    const row = a.subarray(i * columns, (i + 1) * columns);
    if (length(row) > length(best)) best = row;
  }
  return normalized(best);
}

function apply(a: Float64Array, rows: number, columns: number, x: Float64Array): Float64Array {
  const y = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += (a[i * columns + j] ?? 0) * (x[j] ?? 0);
    y[i] = sum;
  }
  return y;
}

function applyTransposed(a: Float64Array, rows: number, columns: number, y: Float64Array): Float64Array {
  const x = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    const factor = y[i] ?? 0;
    for (let j = 0; j < columns; j++) x[j] = (x[j] ?? 0) + factor * (a[i * columns + j] ?? 0);
  }
  return x;
}

function length(x: Float64Array): number {
  let sum = 0;
  for (const value of x) sum += value * value;
  return Math.sqrt(sum);
}

function normalized(x: Float64Array): Float64Array {
  const factor = length(x);
  return x.map((value) => value / factor);
}
