/** Samples with what is to be predicted from them. Rows are in file order. */
export interface Split {
  readonly count: number;
  /** `count × sampleShape`, row-major. Bytes are pixels that stand for `byte / 255`, decoded when a batch is made. */
  readonly x: Uint8Array | Float32Array;
  /** Class of each sample, where the target is `classes`. */
  readonly labels?: Int32Array;
  /** `count × target.count`, row-major, where the target is `values`. */
  readonly targets?: Float32Array;
}

export interface Target {
  readonly kind: 'classes' | 'values';
  readonly count: number;
}

export interface Dataset {
  readonly name: string;
  /** Shape of one sample: `[channels, height, width]` for images, `[features]` for tables. */
  readonly sampleShape: readonly number[];
  readonly target: Target;
  /** Made up from what the spec declares, in place of data. */
  readonly drawn?: true;
  readonly train: Split;
  /** The last samples of the training set, which no step reads; `count` may be 0. */
  readonly validation: Split;
  readonly test: Split;
}

/** Number of values in a tensor of this shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Samples `start … end − 1` as views on the same memory. */
export function rows(split: Split, start: number, end: number): Split {
  const count = end - start;
  const part = <T extends Uint8Array | Float32Array | Int32Array>(values: T): T => {
    const width = split.count === 0 ? 0 : values.length / split.count;
    return values.subarray(start * width, end * width) as T;
  };
  return {
    count,
    x: part(split.x),
    ...(split.labels ? { labels: part(split.labels) } : {}),
    ...(split.targets ? { targets: part(split.targets) } : {}),
  };
}
