import type { OnnxType } from '../../../ir/onnx-context.ts';
import type { Geometry } from '../../../ops/convolution/geometry.ts';
import type { Lowering } from './lowering.ts';

/** An image as rows of N, with what its columns are gathered from behind it. */
export interface Rows {
  /** The windows of the output rows `from` to `to` as columns `[C·kH·kW, rows·Q·N]`; with ones, a last row of ones. */
  readonly columns: (range: readonly [from: number, to: number]) => string;
}

/**
 * Columns of an image `[C, H, W, N]` by one Gather of runs of N each: from the image, for padding from a run of zeros behind it, and for the
 * row of ones from a run of ones.
 */
export function rowsOf(
  lowering: Lowering,
  image: string,
  type: ElementType,
  zero: number,
  geometry: Geometry,
  ones: boolean,
): Rows {
  const { batch, channels, input, kernel, output, window } = geometry;
  const pixels = channels * input[0] * input[1];
  const isPadded = ones || window.pads.some((pad) => pad > 0);
  const source = lowering.once(`rows ${isPadded} ${ones} ${image}`, () => {
    const rows = lowering.reshape(image, [pixels, batch]);
    const extra = [zero, ...(ones ? [zero + 1] : [])].flatMap((v) => new Array<number>(batch).fill(v));
    const behind = lowering.constant(type, extra, [extra.length / batch, batch]);
    return isPadded ? lowering.op('Concat', [rows, behind], { axis: 0 }) : rows;
  });
  const taps = channels * kernel[0] * kernel[1] + Number(ones);
  const rows = ([from, to]: readonly [number, number]): string => {
    const taken = indices(geometry, pixels, [from, to]);
    if (ones) for (let k = 0; k < (to - from) * output[1]; k++) taken.push(pixels + 1);
    return lowering.constant('int64', taken);
  };
  const windows = `${kernel} ${window.strides} ${window.pads}`;
  return {
    columns: (range) =>
      lowering.once(`columns ${range} of ${windows} ${source}`, () => {
        const size = `${channels} ${input} ${output} ${ones}`;
        // Layers of one geometry, of which a deep net has many, share their rows.
        const shared = lowering.once(`rows ${range} of ${windows} ${size}`, () => rows(range));
        const gathered = lowering.op('Gather', [source, shared], { axis: 0 });
        return lowering.reshape(gathered, [taps, (range[1] - range[0]) * output[1] * batch]);
      }),
  };
}

type ElementType = Extract<OnnxType, 'float' | 'uint8' | 'int8'>;

/** All columns of an image, or those of some rows of the output. */
export function columnsOf(
  lowering: Lowering,
  image: string,
  type: ElementType,
  geometry: Geometry,
  range: readonly [number, number] = [0, geometry.output[0]],
): string {
  return rowsOf(lowering, image, type, 0, geometry, false).columns(range);
}

/** Row of the image, for each element of a window and each window; `pixels` stands for padding. */
function indices(
  { channels, input, kernel, output, window }: Geometry,
  pixels: number,
  [from, to]: readonly [number, number],
): number[] {
  const [height, width] = input;
  const [top, left] = window.pads;
  const taken: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < kernel[0]; i++) {
      for (let j = 0; j < kernel[1]; j++) {
        for (let p = from; p < to; p++) {
          for (let q = 0; q < output[1]; q++) {
            const y = p * window.strides[0] + i - top;
            const x = q * window.strides[1] + j - left;
            const inside = y >= 0 && y < height && x >= 0 && x < width;
            taken.push(inside ? (c * height + y) * width + x : pixels);
          }
        }
      }
    }
  }
  return taken;
}
