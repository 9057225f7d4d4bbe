import type { OnnxContext } from '../../ir/onnx-context.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { windowSlices } from '../onnx-windows.ts';
import { arity } from '../operands.ts';
import { type Size, shape4, sizeOfImage } from '../window.ts';
import { type Geometry, geometryOfInputGrad } from './geometry.ts';

/** How ONNX's standard operators compute the gradients of `Conv`. */

/**
 * With stride 1 the adjoint is a convolution with the kernel flipped in space and transposed in channels, which is faster than
 * `ConvTranspose`; pads wider than the kernel would turn negative in it.
 */
export function onnxInputGrad(context: OnnxContext<'conv2dInputGrad'>): string {
  const { op, attributes, operands, operandTypes } = context;
  const [delta, w] = arity(operands, 2);
  const geometry = geometryOfInputGrad(...arity(operandTypes, 2), attributes);
  const { kernel, output } = geometry;
  const { strides, pads, inputSize } = attributes;
  const [top, left, bottom, right] = pads;
  const flipped = flippedPads(geometry);
  if (strides[0] === 1 && strides[1] === 1 && flipped.every((pad) => pad >= 0)) {
    return op('Conv', [delta, onnxFlipped(context, w, kernel)], { pads: flipped });
  }
  const unread = [
    inputSize[0] + top + bottom - (output[0] - 1) * strides[0] - kernel[0],
    inputSize[1] + left + right - (output[1] - 1) * strides[1] - kernel[1],
  ];
  return op('ConvTranspose', [delta, w], { strides, pads, output_padding: unread });
}

/** Pads of the convolution of δ with the flipped kernel. */
export function flippedPads({ kernel, window }: Geometry): readonly [number, number, number, number] {
  const [top, left, bottom, right] = window.pads;
  return [kernel[0] - 1 - top, kernel[1] - 1 - left, kernel[0] - 1 - bottom, kernel[1] - 1 - right];
}

/** `[O, C, kH, kW]` → `[C, O, kH, kW]` with the kernel turned by 180 degrees. */
export function onnxFlipped(
  { op, constant }: Pick<OnnxContext<OpName>, 'op' | 'constant'>,
  w: string,
  kernel: Size,
): string {
  return op('Slice', [
    op('Transpose', [w], { perm: [1, 0, 2, 3] }),
    constant('int64', [-1, -1]),
    constant('int64', [-kernel[0] - 1, -kernel[1] - 1]),
    constant('int64', [2, 3]),
    constant('int64', [-1, -1]),
  ]);
}

/**
 * For each sample the windows of x as columns times its δ, `[kH·kW·C, P·Q]·[P·Q, O]`, summed over the batch. This is twice as fast as a `Conv`
 * with batch and channels exchanged, and sums in two levels, which rounds less.
 */
export function onnxWeightGrad(context: OnnxContext<'conv2dWeightGrad'>): string {
  const { op, constant, operands, operandTypes, attributes, type } = context;
  const [x, delta] = arity(operands, 2);
  const [xType, deltaType] = arity(operandTypes, 2);
  const [filters, channels, ...kernel] = shape4(type);
  const grid = { ...attributes, input: sizeOfImage(xType), output: sizeOfImage(deltaType) };
  const places = constant('int64', [0, 0, -1]);
  const columns = op('Reshape', [op('Concat', windowSlices(context, x, grid, 0), { axis: 1 }), places]);
  const deltas = op('Transpose', [op('Reshape', [delta, places])], { perm: [0, 2, 1] });
  const perSample = op('MatMul', [columns, deltas]);
  const gradient = op('ReduceSum', [perSample, constant('int64', [0])], { keepdims: 0 });
  const shaped = op('Reshape', [gradient, constant('int64', [...kernel, channels, filters])]);
  return op('Transpose', [shaped], { perm: [3, 2, 0, 1] });
}
