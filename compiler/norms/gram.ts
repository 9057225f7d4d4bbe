import { addUp, mulUp, SMALLEST, sqrtUp, sumUp } from './outward.ts';

/** `A·Aᵀ` of a rows × columns matrix into `out`, rows × rows, exactly symmetric; every entry is one sum of `columns` products. */
export function gramInto(out: Float64Array, data: Float64Array, rows: number, columns: number): void {
  for (let i = 0; i < rows; i++) {
    const row = i * columns;
    let j = 0;
    // Four sums side by side: the additions of one wait for each other.
    for (; j + 3 <= i; j += 4) {
      const j0 = j * columns;
      const j1 = j0 + columns;
      const j2 = j1 + columns;
      const j3 = j2 + columns;
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let t = 0; t < columns; t++) {
        const a = data[row + t] ?? 0;
        s0 += a * (data[j0 + t] ?? 0);
        s1 += a * (data[j1 + t] ?? 0);
        s2 += a * (data[j2 + t] ?? 0);
        s3 += a * (data[j3 + t] ?? 0);
      }
      out[i * rows + j] = s0;
      out[i * rows + j + 1] = s1;
      out[i * rows + j + 2] = s2;
      out[i * rows + j + 3] = s3;
    }
    for (; j <= i; j++) {
      const other = j * columns;
      let s = 0;
      for (let t = 0; t < columns; t++) s += (data[row + t] ?? 0) * (data[other + t] ?? 0);
      out[i * rows + j] = s;
    }
    for (j = 0; j < i; j++) out[j * rows + i] = out[i * rows + j] ?? 0;
  }
}

/** An upper bound of the Frobenius norm, for entries whose squares neither overflow nor all vanish. */
export function frobeniusUp(data: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] ?? 0) ** 2;
  // Each square may lose half the smallest number to underflow.
  return sqrtUp(addUp(sumUp(sum, data.length), data.length * SMALLEST));
}

/** Upper bounds of the largest absolute row sum, `‖A‖_∞`, and column sum, `‖A‖₁`. */
export function absoluteSumsUp(
  data: ArrayLike<number>,
  rows: number,
  columns: number,
): { readonly inf: number; readonly one: number } {
  const sums = new Float64Array(columns);
  let inf = 0;
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) {
      const magnitude = Math.abs(data[i * columns + j] ?? 0);
      sum += magnitude;
      sums[j] = (sums[j] ?? 0) + magnitude;
    }
    inf = Math.max(inf, sum);
  }
  let one = 0;
  for (const sum of sums) one = Math.max(one, sum);
  return { inf: sumUp(inf, columns), one: sumUp(one, rows) };
}

/** `√(‖A‖₁·‖A‖_∞) ≥ ‖A‖₂` (Golub and Van Loan, "Matrix Computations", 4th ed., corollary 2.3.2). */
export function interpolatedUp(data: Float64Array, rows: number, columns: number): number {
  const { inf, one } = absoluteSumsUp(data, rows, columns);
  return sqrtUp(mulUp(inf, one));
}
