import type { FloatTensor } from '../../compiler/ir/tensor.ts';

/** The integer codes of a dequantized tensor `[N, C, …]`: exact, since each value is one code times its scale, rounded once. */
export function codesOf(data: Float32Array, shape: readonly number[], scale: FloatTensor): Int32Array {
  const inner = shape.slice(2).reduce((a, b) => a * b, 1);
  const channels = scale.data.length;
  const codes = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const step = scale.data[channels === 1 ? 0 : Math.floor(i / inner) % channels] ?? 1;
    codes[i] = Math.round((data[i] ?? 0) / step);
  }
  return codes;
}

/** Indices at which two tensors of codes differ, the first `count` of `length` elements compared. */
export function differences(a: Int32Array, b: Int32Array, length: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) found.push(i);
  return found;
}
