import type { NdArray } from '../../ir/ndarray.ts';
import type { PoolWindow } from '../../ir/op-attributes.ts';
import { f32 } from '../operands.ts';
import { shape4, windowCounts } from '../window.ts';

/** Visits the elements of every window of `[N, C, H, W]`, windows and their elements row-major, padding left out. */
export function forEachWindow(
  shape: readonly number[],
  window: PoolWindow,
  visit: (output: number, input: number) => void,
): void {
  const [batch, channels, height, width] = shape4(f32(shape));
  const [rows, columns] = windowCounts([height, width], window.kernel, window);
  const [top, left] = window.pads;
  let output = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let p = 0; p < rows; p++) {
      const y = p * window.strides[0] - top;
      const yEnd = Math.min(y + window.kernel[0], height);
      for (let q = 0; q < columns; q++) {
        const x = q * window.strides[1] - left;
        const xEnd = Math.min(x + window.kernel[1], width);
        for (let i = Math.max(y, 0); i < yEnd; i++) {
          for (let j = Math.max(x, 0); j < xEnd; j++) visit(output, (plane * height + i) * width + j);
        }
        output++;
      }
    }
  }
}

/** For each window of x, the position of its first largest element. */
export function winners(x: NdArray, window: PoolWindow): readonly number[] {
  const positions: number[] = [];
  forEachWindow(x.shape, window, (output, input) => {
    const leader = positions[output];
    if (leader === undefined || (x.data[input] ?? 0) > (x.data[leader] ?? 0)) positions[output] = input;
  });
  return positions;
}
