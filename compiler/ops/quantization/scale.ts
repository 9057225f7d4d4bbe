import { ndarray } from '../../ir/ndarray.ts';
import type { OpDef } from '../../ir/op.ts';
import { gridMax } from '../../numeric/format.ts';
import { scaleOf } from '../../numeric/round.ts';
import { quantScale as quantScaleBounds } from '../bounds/quantization.ts';
import { arity, f32, floatShape, reducedShape } from '../operands.ts';
import { groupPositions } from '../strided.ts';
import { onnxScale } from './onnx-scale.ts';

/**
 * x → its scale, the shape of x with 1 along `axes`: all axes make one scale for the tensor, all but the channel's one for each channel.
 * The scale of finite numbers is a normal float32 number, never 0.
 */
export const quantScale: OpDef<'quantScale'> = {
  type: (operands, { axes }) => f32(reducedShape(floatShape(arity(operands, 1)[0]), axes, true)),
  bounds: quantScaleBounds,
  macs: () => 0,
  // A scale is constant under differentiation, as the straight-through estimator has it.
  vjp: () => [undefined],
  evaluate: ({ operands, attributes, type }) => {
    const [x] = arity(operands, 1);
    const group = groupPositions(x.shape, attributes.axes);
    const { shape, data } = ndarray(type.shape);
    x.data.forEach((value, i) => {
      const g = group[i] ?? 0;
      data[g] = Math.max(data[g] ?? 0, Math.abs(value));
    });
    return { shape, data: data.map((absmax) => scaleOf(absmax, attributes.element, attributes.kind)) };
  },
  tfjs: ({ support, operands, attributes: { element, axes, kind } }) =>
    support(
      kind === 'absmax' ? 'absmaxScale' : 'powerOfTwoScale',
      arity(operands, 1)[0],
      axes,
      gridMax(element),
    ),
  onnx: onnxScale,
};
