import type { OnnxContext } from '../../ir/onnx-context.ts';
import type { OpName, PoolWindow } from '../../ir/op-attributes.ts';
import { scatterWindows, type WindowGrid, windowSlices } from '../onnx-windows.ts';
import { arity } from '../operands.ts';
import { type Size, sizeOfImage } from '../window.ts';

/** Pooling in ONNX's standard operators, none of which exposes the winner of a window in a usable way. */

export function onnxMaxPool({ op, operands, attributes }: OnnxContext<'maxPool'>): string {
  return maxPool({ op }, arity(operands, 1)[0], attributes);
}

/** The average times the size of the window: ONNX has no sum pooling. */
export function onnxSumPool({ op, operands, attributes, constant }: OnnxContext<'sumPool'>): string {
  const { kernel, strides, pads } = attributes;
  const average = op('AveragePool', arity(operands, 1), {
    kernel_shape: kernel,
    strides,
    pads,
    count_include_pad: 1,
  });
  return op('Mul', [average, constant('float', kernel[0] * kernel[1])]);
}

export function onnxSumPoolGrad(context: OnnxContext<'sumPoolGrad'>): string {
  const { operands, operandTypes, attributes } = context;
  const [delta] = arity(operands, 1);
  const grid = gridOf(attributes, attributes.inputSize, sizeOfImage(arity(operandTypes, 1)[0]));
  return scatterWindows(
    context,
    new Array<string>(attributes.kernel[0] * attributes.kernel[1]).fill(delta),
    grid,
  );
}

/** Each element in turn takes what is left of δ if it equals the maximum, so that the first winner has it all. */
export function onnxRoute(context: OnnxContext<'maxPoolRoute'>): string {
  const { op, constant, operands, operandTypes, attributes } = context;
  const [x, delta] = arity(operands, 2);
  const [xType, deltaType] = arity(operandTypes, 2);
  const grid = gridOf(attributes, sizeOfImage(xType), sizeOfImage(deltaType));
  const maximum = maxPool(context, x, attributes);
  const zero = constant('float', 0);
  let left = delta;
  const parts = windowSlices(context, x, grid, -Infinity).map((element, position) => {
    if (position === grid.kernel[0] * grid.kernel[1] - 1) return left;
    const wins = op('Equal', [element, maximum]);
    const taken = op('Where', [wins, left, zero]);
    left = op('Where', [wins, zero, left]);
    return taken;
  });
  return scatterWindows(context, parts, grid);
}

/** From the last element to the first, each that equals the maximum replaces what was picked, so that the first winner stays. */
export function onnxPick(context: OnnxContext<'maxPoolPick'>): string {
  const { op, operands, operandTypes, type, attributes } = context;
  const [x, u] = arity(operands, 2);
  const grid = gridOf(attributes, sizeOfImage(arity(operandTypes, 2)[0]), sizeOfImage(type));
  const maximum = maxPool(context, x, attributes);
  const elements = windowSlices(context, x, grid, -Infinity);
  return windowSlices(context, u, grid, 0).reduceRight((picked, candidate, position) =>
    op('Where', [op('Equal', [elements[position] ?? maximum, maximum]), candidate, picked]),
  );
}

function maxPool(
  { op }: Pick<OnnxContext<OpName>, 'op'>,
  x: string,
  { kernel, strides, pads }: PoolWindow,
): string {
  return op('MaxPool', [x], { kernel_shape: kernel, strides, pads });
}

function gridOf({ kernel, strides, pads }: PoolWindow, input: Size, output: Size): WindowGrid {
  return { kernel, strides, pads, input, output };
}
