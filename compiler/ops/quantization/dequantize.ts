import type { OpDef } from '../../ir/op.ts';
import { mul, sumTo } from '../algebra.ts';
import { productBounds } from '../bounds/elementwise.ts';
import { arity } from '../operands.ts';
import { mapScaled, scaledType } from './quantize.ts';

/** operands codes, scale → `codes · scale`. */
export const dequantize: OpDef<'dequantize'> = {
  type: (operands) => scaledType(...arity(operands, 2)),
  bounds: productBounds,
  macs: () => 0,
  vjp: ({ builder, operands, cotangent }) => {
    const [codes, scale] = arity(operands, 2);
    return [
      mul(builder, cotangent, scale),
      sumTo(builder, mul(builder, cotangent, codes), builder.shapeOf(scale)),
    ];
  },
  evaluate: ({ operands }) => mapScaled(...arity(operands, 2), (code, scale) => code * scale),
  tfjs: ({ tf, operands }) => tf('mul', ...arity(operands, 2)),
  onnx: (context) => {
    const [codes, scale] = arity(context.operands, 2);
    const scaleShape = arity(context.operandTypes, 2)[1].shape;
    const exported =
      context.scheme === 'qdq'
        ? context.dequantizeInitializer(codes, scale, scaleShape, context.attributes.element)
        : undefined;
    return exported ?? context.op('Mul', [codes, scale]);
  },
};
