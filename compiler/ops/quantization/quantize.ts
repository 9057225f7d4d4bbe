import type { TensorType } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpDef } from '../../ir/op.ts';
import { quantizeStochasticValue, quantizeValue } from '../../numeric/round.ts';
import { mul } from '../algebra.ts';
import * as bounds from '../bounds/quantization.ts';
import { arity, broadcastsTo, f32, floatShape } from '../operands.ts';
import { broadcastStrides, positions } from '../strided.ts';
import { onnxQuantize, onnxQuantizeStochastic } from './onnx-quantize.ts';
import { tfjsGrid } from './tfjs-grid.ts';

/** The type of x, once its scale is known to broadcast to it. */
export function scaledType(x: TensorType, scale: TensorType): TensorType {
  if (!broadcastsTo(floatShape(scale), floatShape(x)))
    throw new Error(`a scale of shape [${scale.shape}] for [${x.shape}]`);
  return f32(x.shape);
}

/** `rule(x[i], scale[i], i)` for every element, the scale broadcast. */
export function mapScaled(
  x: NdArray,
  scale: NdArray,
  rule: (value: number, scale: number, index: number) => number,
): NdArray {
  const at = positions(x.shape, broadcastStrides(scale.shape, x.shape));
  return { shape: x.shape, data: x.data.map((value, i) => rule(value, scale.data[at[i] ?? 0] ?? 1, i)) };
}

/** operands x, scale → the value of `scale · grid` nearest to x. */
export const quantize: OpDef<'quantize'> = {
  type: (operands) => scaledType(...arity(operands, 2)),
  bounds: bounds.quantize,
  macs: () => 0,
  // Straight-through estimator: the identity where x is on the grid, 0 where it saturates (Bengio et al. 2013).
  vjp: ({ builder, operands, node, cotangent }) => [
    mul(builder, cotangent, builder.op('quantizeMask', operands, node.attributes)),
    undefined,
  ],
  evaluate: ({ operands, attributes: { element } }) =>
    mapScaled(...arity(operands, 2), (x, scale) => quantizeValue(x, scale, element)),
  tfjs: ({ support, operands, attributes: { element } }) =>
    support(
      element.kind === 'int' ? 'quantizeInt' : 'quantizeFloat',
      ...arity(operands, 2),
      ...tfjsGrid(element),
    ),
  onnx: onnxQuantize,
};

/** operands x, scale, noise in [0, 1) → one of the two neighbours of x on `scale · grid`. */
export const quantizeStochastic: OpDef<'quantizeStochastic'> = {
  type: (operands) => {
    const [x, scale, noise] = arity(operands, 3);
    if (!broadcastsTo(x.shape, noise.shape) || noise.shape.length !== x.shape.length) {
      throw new Error(`noise of shape [${noise.shape}] for [${x.shape}]`);
    }
    return scaledType(x, scale);
  },
  bounds: bounds.quantizeStochastic,
  macs: () => 0,
  vjp: ({ builder, operands, node, cotangent }) => {
    const [x, scale] = arity(operands, 3);
    return [
      mul(builder, cotangent, builder.op('quantizeMask', [x, scale], node.attributes)),
      undefined,
      undefined,
    ];
  },
  evaluate: ({ operands, attributes: { element } }) => {
    const [x, scale, noise] = arity(operands, 3);
    return mapScaled(x, scale, (value, s, i) =>
      quantizeStochasticValue(value, s, noise.data[i] ?? 0, element),
    );
  },
  tfjs: ({ support, operands, attributes: { element } }) =>
    support(
      element.kind === 'int' ? 'quantizeIntStochastic' : 'quantizeFloatStochastic',
      ...arity(operands, 3),
      ...tfjsGrid(element),
    ),
  onnx: onnxQuantizeStochastic,
};
