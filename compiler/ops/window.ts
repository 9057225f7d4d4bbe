import { sameShape, type TensorType } from '../ir/graph.ts';
import type { PoolWindow, Window } from '../ir/op-attributes.ts';
import { floatShape } from './operands.ts';

/** How windows of a convolution or pooling lie on `[N, C, H, W]`. */

export type Size = readonly [height: number, width: number];
export type Shape4 = readonly [number, number, number, number];

/** The number of windows along height and width: `⌊(size + pads − kernel) / stride⌋ + 1`. */
export function windowCounts([height, width]: Size, [kernelHeight, kernelWidth]: Size, window: Window): Size {
  const [top, left, bottom, right] = window.pads;
  const [strideY, strideX] = window.strides;
  const rows = Math.floor((height + top + bottom - kernelHeight) / strideY) + 1;
  const columns = Math.floor((width + left + right - kernelWidth) / strideX) + 1;
  if (rows < 1 || columns < 1)
    throw new Error(`a ${kernelHeight}×${kernelWidth} window does not fit into ${height}×${width}`);
  return [rows, columns];
}

/** Windows in which one element lies, at most. */
export function windowOverlap(kernel: Size, strides: Size): number {
  return Math.ceil(kernel[0] / strides[0]) * Math.ceil(kernel[1] / strides[1]);
}

/** The four sizes of an f32 image or kernel tensor. */
export function shape4(type: TensorType): Shape4 {
  const [a, b, c, d] = type.shape;
  if (
    type.dtype !== 'f32' ||
    type.shape.length !== 4 ||
    a === undefined ||
    b === undefined ||
    c === undefined ||
    d === undefined
  ) {
    throw new Error(`an f32 tensor of rank 4 is needed, not ${type.dtype}[${type.shape}]`);
  }
  return [a, b, c, d];
}

/** Height and width of an image or kernel. */
export function sizeOfImage(type: TensorType): Size {
  const [, , ...size] = shape4(type);
  return size;
}

/** The window alone, with its keys in one order: attributes that differ in the order of keys would not be shared. */
export function windowOf({ strides, pads }: Window): Window {
  return { strides, pads };
}

/** The result of pooling a type. A pad as large as the kernel would make windows of padding alone. */
export function pooledType(x: TensorType, window: PoolWindow): TensorType {
  const [n, c, h, w] = shape4(x);
  const [top, left, bottom, right] = window.pads;
  const [kernelHeight, kernelWidth] = window.kernel;
  if (Math.max(top, bottom) >= kernelHeight || Math.max(left, right) >= kernelWidth) {
    throw new Error(`pads [${window.pads}] are not smaller than the kernel [${window.kernel}]`);
  }
  return { dtype: 'f32', shape: [n, c, ...windowCounts([h, w], window.kernel, window)] };
}

/** Fails unless the type is f32 of the given shape. */
export function assertShape(type: TensorType, shape: readonly number[]): void {
  if (!sameShape(floatShape(type), shape)) throw new Error(`an operand is [${type.shape}], not [${shape}]`);
}
