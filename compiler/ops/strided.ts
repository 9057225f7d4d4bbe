import type { NdArray } from '../ir/ndarray.ts';
import { stridesOf } from '../ir/ndarray.ts';

/**
 * Positions `start + Σ index·stride` of the elements of `shape` in row-major order. Broadcasting, transposition,
 * slicing and reduction are all reads or writes at such positions.
 */
export function positions(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const rank = shape.length;
  const result = new Int32Array(shape.reduce((a, b) => a * b, 1));
  const index = new Int32Array(rank);
  let position = start;
  for (let i = 0; i < result.length; i++) {
    result[i] = position;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0;
      const next = (index[axis] ?? 0) + 1;
      if (next < (shape[axis] ?? 1)) {
        index[axis] = next;
        position += stride;
        break;
      }
      index[axis] = 0;
      position -= stride * (next - 1);
    }
  }
  return result;
}

/** Strides over `to` that read a tensor of shape `from`: 0 along the axes that are stretched. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(from);
  const missing = to.length - from.length;
  return to.map((_, i) => ((from[i - missing] ?? 1) === 1 ? 0 : (strides[i - missing] ?? 0)));
}

/** For each element of `shape`, the position of its group in the tensor that is left when `axes` are reduced. */
export function groupPositions(shape: readonly number[], axes: readonly number[]): Int32Array {
  const kept = shape.map((n, i) => (axes.includes(i) ? 1 : n));
  return positions(shape, broadcastStrides(kept, shape));
}

/** The tensor of `shape` whose elements stand at the given positions of `source`. */
export function read(source: NdArray, shape: readonly number[], at: Int32Array): NdArray {
  const data = new Float64Array(at.length);
  for (let i = 0; i < data.length; i++) data[i] = source.data[at[i] ?? 0] ?? 0;
  return { shape, data };
}
