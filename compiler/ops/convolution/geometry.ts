import type { TensorType } from '../../ir/graph.ts';
import type { Window } from '../../ir/op-attributes.ts';
import { type Size, shape4, windowCounts } from '../window.ts';

/** Sizes of one convolution: `x[batch, channels, …input]`, `w[filters, channels, …kernel]`, `δ[batch, filters, …output]`. */
export interface Geometry {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly input: Size;
  readonly kernel: Size;
  readonly output: Size;
  readonly window: Window;
}

export function geometryOfForward(x: TensorType, w: TensorType, window: Window): Geometry {
  const [batch, channels, ...input] = shape4(x);
  const [filters, channelsOfKernel, ...kernel] = shape4(w);
  assertEqual('channels', channels, channelsOfKernel);
  return { batch, channels, filters, input, kernel, output: windowCounts(input, kernel, window), window };
}

export function geometryOfInputGrad(
  delta: TensorType,
  w: TensorType,
  window: Window & { readonly inputSize: Size },
): Geometry {
  const [batch, filtersOfDelta, ...output] = shape4(delta);
  const [filters, channels, ...kernel] = shape4(w);
  assertEqual('filters', filtersOfDelta, filters);
  assertEqual('windows', String(output), String(windowCounts(window.inputSize, kernel, window)));
  return { batch, channels, filters, input: window.inputSize, kernel, output, window };
}

export function geometryOfWeightGrad(
  x: TensorType,
  delta: TensorType,
  window: Window & { readonly kernel: Size },
): Geometry {
  const [batch, channels, ...input] = shape4(x);
  const [batchOfDelta, filters, ...output] = shape4(delta);
  assertEqual('batch', batch, batchOfDelta);
  assertEqual('windows', String(output), String(windowCounts(input, window.kernel, window)));
  return { batch, channels, filters, input, kernel: window.kernel, output, window };
}

function assertEqual<T>(what: string, a: T, b: T): void {
  if (a !== b) throw new Error(`the operands differ in ${what}: ${a} and ${b}`);
}

/** Multiply–accumulates of each of the three products; those with padding count, since runtimes perform them. */
export function macsOf({ batch, channels, filters, kernel, output }: Geometry): number {
  return batch * filters * output[0] * output[1] * channels * kernel[0] * kernel[1];
}

/**
 * Visits every row of products `δ[deltaAt + t]·w[weightAt]·x[inputAt + t·stride]`, `t < count`, in which x is not padding. The three
 * convolutions differ only in which factor they sum into.
 */
export function forEachRow(
  { batch, channels, filters, input, kernel, output, window }: Geometry,
  visit: (deltaAt: number, weightAt: number, inputAt: number, count: number) => void,
): void {
  const [height, width] = input;
  const [rows, columns] = output;
  const [strideY, strideX] = window.strides;
  const [top, left] = window.pads;
  for (let o = 0; o < filters; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < kernel[0]; i++) {
        for (let j = 0; j < kernel[1]; j++) {
          const weightAt = ((o * channels + c) * kernel[0] + i) * kernel[1] + j;
          const first = Math.max(0, Math.ceil((left - j) / strideX));
          const last = Math.min(columns - 1, Math.floor((width - 1 + left - j) / strideX));
          if (last < first) continue;
          for (let n = 0; n < batch; n++) {
            for (let p = 0; p < rows; p++) {
              const y = p * strideY + i - top;
              if (y < 0 || y >= height) continue;
              const deltaAt = ((n * filters + o) * rows + p) * columns + first;
              const inputAt = ((n * channels + c) * height + y) * width + first * strideX + j - left;
              visit(deltaAt, weightAt, inputAt, last - first + 1);
            }
          }
        }
      }
    }
  }
}
