import { BLOCKED_DOMAIN } from '../operators.ts';
import type { Lowering } from './lowering.ts';

/** Weights of a convolution as `[O, C, kH, kW]`. */
export interface Kernel {
  readonly name: string;
  readonly shape: readonly [filters: number, channels: number, height: number, width: number];
}

/** One convolution over `[1, C, H, W]`, with stride 1. */
export interface Convolution {
  readonly image: string;
  readonly kernel: Kernel;
  readonly bias: readonly string[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

/**
 * The convolution by onnxruntime's own operator (`com.microsoft.nchwc`), whose images are `[C/b, H, W, b]` in blocks of b channels: a quarter to a
 * third faster, the two reorderings included, but for kernels of one pixel, in which there is too little to multiply. Undefined where there is no such operator on
 * the machine or channels are no whole blocks.
 */
export function blockedConvolution(lowering: Lowering, convolution: Convolution): string | undefined {
  const { image, kernel, bias, pads, dilations } = convolution;
  const [filters, channels, height, width] = kernel.shape;
  const { block } = lowering;
  if (block === undefined || height * width === 1) return undefined;
  if (filters % block !== 0 || channels % block !== 0) return undefined;
  const own = (opType: string, inputs: readonly string[], attributes = {}): string =>
    lowering.op(opType, inputs, attributes, BLOCKED_DOMAIN);
  const blocks = lowering.once(`blocks of ${image}`, () => own('ReorderInput', [image]));
  const weights = blockedKernel(lowering, kernel, block);
  const attributes = { kernel_shape: [height, width], pads, dilations };
  const result = own('Conv', [blocks, weights, ...bias], attributes);
  return own('ReorderOutput', [result], { channels: filters });
}

/** `[O, C, kH, kW]` with its numbers in the order `[O/b, C/b, kH, kW, c, o]`, c and o being places within a block. */
function blockedKernel(lowering: Lowering, { name, shape }: Kernel, block: number): string {
  const [filters, channels, height, width] = shape;
  const split = [filters / block, block, channels / block, block, height, width];
  const moved = lowering.op('Transpose', [lowering.reshape(name, split)], { perm: [0, 2, 4, 5, 3, 1] });
  return lowering.reshape(moved, shape);
}
