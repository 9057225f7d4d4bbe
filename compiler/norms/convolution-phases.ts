import { axesOf, type Convolution, circularSize, phaseTaps } from './convolution-axis.ts';

/** An unstrided convolution: a kernel `[filters, channels, height, width]` with the axes that it came from. */
export interface Phases {
  readonly kernel: Float64Array;
  readonly filters: number;
  readonly channels: number;
  readonly taps: readonly [height: number, width: number];
  readonly outputs: readonly [height: number, width: number];
  readonly circular: readonly [height: number, width: number];
}

/** Input `s·p + t` is phase `t mod s` at point `p + ⌊t/s⌋`: each phase of each channel becomes a channel. */
export function phasesOf(convolution: Convolution & { readonly kernel: Float64Array }): Phases {
  const [filters, channels, height, width] = convolution.shape;
  const [vertical, horizontal] = axesOf(convolution);
  const [strideY, strideX] = [vertical.stride, horizontal.stride];
  const [tapsY, tapsX] = [phaseTaps(vertical), phaseTaps(horizontal)];
  // A stride beyond the kernel leaves phases that nothing reads.
  const [phasesY, phasesX] = [Math.min(strideY, height), Math.min(strideX, width)];
  const phaseChannels = channels * phasesY * phasesX;
  const kernel = new Float64Array(filters * phaseChannels * tapsY * tapsX);
  for (let from = 0; from < convolution.kernel.length; from++) {
    const j = from % width;
    const i = Math.floor(from / width) % height;
    const map = Math.floor(from / (width * height));
    const channel = (map * phasesY + (i % strideY)) * phasesX + (j % strideX);
    const to = (channel * tapsY + Math.floor(i / strideY)) * tapsX + Math.floor(j / strideX);
    kernel[to] = convolution.kernel[from] ?? 0;
  }
  return {
    kernel,
    filters,
    channels: phaseChannels,
    taps: [tapsY, tapsX],
    outputs: [vertical.output, horizontal.output],
    circular: [circularSize(vertical), circularSize(horizontal)],
  };
}
