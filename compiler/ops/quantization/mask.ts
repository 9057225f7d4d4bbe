import type { OpDef } from '../../ir/op.ts';
import { saturationGrid, staysOnGrid } from '../../numeric/round.ts';
import { quantizeMask as quantizeMaskBounds } from '../bounds/quantization.ts';
import { arity } from '../operands.ts';
import { onnxMask } from './onnx-quantize.ts';
import { mapScaled, scaledType } from './quantize.ts';

/** operands x, scale → 1 where rounding x to nearest stays on `scale · grid`, 0 where it saturates or overflows. */
export const quantizeMask: OpDef<'quantizeMask'> = {
  type: (operands) => scaledType(...arity(operands, 2)),
  bounds: quantizeMaskBounds,
  macs: () => 0,
  // Piecewise constant.
  vjp: () => [undefined, undefined],
  evaluate: ({ operands, attributes: { element } }) =>
    mapScaled(...arity(operands, 2), (x, scale) => Number(staysOnGrid(x, scale, element))),
  tfjs: ({ support, operands, attributes: { element } }) => {
    const { unit, min, max } = saturationGrid(element);
    return support('quantizeMask', ...arity(operands, 2), min, max, unit);
  },
  onnx: onnxMask,
};
