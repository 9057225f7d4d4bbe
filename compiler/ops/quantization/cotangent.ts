import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import type { OpDef } from '../../ir/op.ts';
import type { OpAttributes } from '../../ir/op-attributes.ts';
import { transpose } from '../algebra.ts';
import { quantizeCotangent as quantizeCotangentBounds } from '../bounds/quantization.ts';
import { arity, f32, floatShape } from '../operands.ts';

/** x → x. The cotangent of x is that of the result, quantized: at its own scale, rounded as the attributes say. */
export const quantizeCotangent: OpDef<'quantizeCotangent'> = {
  type: (operands) => f32(floatShape(arity(operands, 1)[0])),
  bounds: quantizeCotangentBounds,
  macs: () => 0,
  vjp: ({ builder, node, cotangent }) => [
    quantized(builder, cotangent, node.attributes, node.origin.name ?? 'cotangent'),
  ],
  evaluate: ({ operands }) => arity(operands, 1)[0],
  tfjs: ({ operands }) => arity(operands, 1)[0],
  onnx: ({ op, operands }) => op('Identity', arity(operands, 1)),
};

function quantized(
  builder: Builder,
  delta: Value,
  { element, axes, kind, stream }: OpAttributes['quantizeCotangent'],
  name: string,
): Value {
  const scale = builder.named(`${name}.scale`, () =>
    kind === 'none' ? builder.constant(1) : builder.op('quantScale', [delta], { element, axes, kind }),
  );
  if (stream === undefined)
    return builder.named(name, () => builder.op('quantize', [delta, scale], { element }));
  const noise = builder.named(`${name}.noise`, () => noiseOf(builder, builder.shapeOf(delta), stream));
  return builder.named(name, () => builder.op('quantizeStochastic', [delta, scale, noise], { element }));
}

/** Noise of an image `[N, C, H, W]` is drawn as `[C, H, W, N]`, the order in which the fastest engine keeps images; the numbers are as random in any. */
function noiseOf(builder: Builder, shape: readonly number[], stream: string): Value {
  const [batch = 1, ...rest] = shape;
  if (shape.length !== 4) return builder.op('uniform', [], { shape, stream });
  const drawn = builder.op('uniform', [], { shape: [...rest, batch], stream });
  return transpose(builder, drawn, [3, 0, 1, 2]);
}
