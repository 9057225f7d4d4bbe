import fc from 'fast-check';

/** Sizes of a random convolution or pooling, small enough to check by hand and odd enough to find what is wrong. */
export interface ImageGeometry {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly input: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Geometries of which at least one window fits. @param pooling whether pads stay smaller than the kernel */
export function imageGeometry(pooling: boolean): fc.Arbitrary<ImageGeometry> {
  const count = fc.integer({ min: 1, max: 3 });
  return fc
    .record({
      batch: count,
      channels: count,
      filters: count,
      input: pair(1, 7),
      kernel: pair(1, 4),
      strides: pair(1, 4),
      pads: fc.tuple(pair(0, 3), pair(0, 3)).map(([[a, b], [c, d]]): ImageGeometry['pads'] => [a, b, c, d]),
    })
    .filter(({ input, kernel, pads: [top, left, bottom, right] }) => {
      const fits = input[0] + top + bottom >= kernel[0] && input[1] + left + right >= kernel[1];
      return fits && (!pooling || (Math.max(top, bottom) < kernel[0] && Math.max(left, right) < kernel[1]));
    });
}

/** Number of windows along height and width, counted one by one. */
export function countWindows({ input, kernel, strides, pads }: ImageGeometry): readonly [number, number] {
  const along = (size: number, window: number, stride: number): number => {
    let count = 0;
    for (let start = 0; start + window <= size; start += stride) count++;
    return count;
  };
  return [
    along(input[0] + pads[0] + pads[2], kernel[0], strides[0]),
    along(input[1] + pads[1] + pads[3], kernel[1], strides[1]),
  ];
}
