import type { OnnxContext } from '../../ir/onnx-context.ts';
import { windowSlices } from '../onnx-windows.ts';
import { arity } from '../operands.ts';
import { shape4, sizeOfImage } from '../window.ts';

/** How ONNX's standard operators compute the gradients of `Conv`. */

/**
 * With stride 1 the adjoint is a convolution with the kernel flipped in space and transposed in channels, which is faster than
 * `ConvTranspose`; pads wider than the kernel would turn negative in it.
 */
export function onnxInputGrad(context: OnnxContext<'conv2dInputGrad'>): string {
  const { op, constant, attributes, operands, operandTypes } = context;
  const [delta, w] = arity(operands, 2);
  const [deltaType, wType] = arity(operandTypes, 2);
  const { strides, pads, inputSize } = attributes;
  const [, , kernelHeight, kernelWidth] = shape4(wType);
  const [, , rows, columns] = shape4(deltaType);
  const [top, left, bottom, right] = pads;
  const flippedPads = [
    kernelHeight - 1 - top,
    kernelWidth - 1 - left,
    kernelHeight - 1 - bottom,
    kernelWidth - 1 - right,
  ];
  if (strides[0] === 1 && strides[1] === 1 && flippedPads.every((pad) => pad >= 0)) {
    const flipped = op('Slice', [
      op('Transpose', [w], { perm: [1, 0, 2, 3] }),
      constant('int64', [-1, -1]),
      constant('int64', [-kernelHeight - 1, -kernelWidth - 1]),
      constant('int64', [2, 3]),
      constant('int64', [-1, -1]),
    ]);
    return op('Conv', [delta, flipped], { pads: flippedPads });
  }
  const unread = [
    inputSize[0] + top + bottom - (rows - 1) * strides[0] - kernelHeight,
    inputSize[1] + left + right - (columns - 1) * strides[1] - kernelWidth,
  ];
  return op('ConvTranspose', [delta, w], { strides, pads, output_padding: unread });
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
