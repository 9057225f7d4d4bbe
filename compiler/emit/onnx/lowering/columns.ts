import type { OnnxType } from '../../../ir/onnx-context.ts';
import type { Geometry } from '../../../ops/convolution/geometry.ts';
import type { Lowering } from './lowering.ts';

/**
 * The windows of an image `[C, H, W, N]` as columns `[C·kH·kW, rows·Q·N]` for the output rows `from` to `to`: a Gather of runs of N, from the image
 * and, for padding, a run of zeros behind it.
 */
export function columnsOf(
  lowering: Lowering,
  image: string,
  type: Extract<OnnxType, 'float' | 'uint8' | 'int8'>,
  geometry: Geometry,
  [from, to]: readonly [number, number] = [0, geometry.output[0]],
): string {
  const { batch, channels, input, kernel, output } = geometry;
  const [height, width] = input;
  const pixels = channels * height * width;
  const taken = indices(geometry, pixels, [from, to]);
  const isPadded = indices(geometry, pixels, [0, output[0]]).includes(pixels);
  const source = lowering.once(`${isPadded ? 'padded rows' : 'rows'} ${image}`, () => {
    const rows = lowering.reshape(image, [pixels, batch]);
    const zeros = lowering.constant(type, new Array<number>(batch).fill(0), [1, batch]);
    return isPadded ? lowering.op('Concat', [rows, zeros], { axis: 0 }) : rows;
  });
  const columns = lowering.op('Gather', [source, lowering.constant('int64', taken)], { axis: 0 });
  return lowering.reshape(columns, [channels * kernel[0] * kernel[1], (to - from) * output[1] * batch]);
}

/** Row of the image, for each element of a window and each window; `pixels` stands for padding. */
function indices(
  { channels, input, kernel, output, window }: Geometry,
  pixels: number,
  [from, to]: readonly [number, number],
): readonly number[] {
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
