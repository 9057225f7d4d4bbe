/** A float32 tensor on the host, row-major: what crosses between compiler stages and a runtime as data. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type FloatTensors = ReadonlyMap<string, FloatTensor>;
