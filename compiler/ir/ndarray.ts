/** A dense float64 tensor, row-major; what the reference evaluator computes with. Integers are exact in it. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function ndarray(shape: readonly number[], data?: ArrayLike<number>): NdArray {
  const size = shape.reduce((a, b) => a * b, 1);
  if (data === undefined) return { shape, data: new Float64Array(size) };
  if (data.length !== size) throw new Error(`${data.length} numbers do not fill the shape [${shape}]`);
  return { shape, data: Float64Array.from(data) };
}

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i] ?? 1;
  }
  return strides;
}
