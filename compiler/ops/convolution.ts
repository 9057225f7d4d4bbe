import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { type NdArray, ndarray } from '../ir/ndarray.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import type { Window } from '../ir/op-attributes.ts';
import * as products from './bounds/products.ts';
import {
  forEachRow,
  geometryOfForward,
  geometryOfInputGrad,
  geometryOfWeightGrad,
  macsOf,
} from './convolution/geometry.ts';
import { onnxInputGrad, onnxWeightGrad } from './convolution/onnx.ts';
import { arity, f32 } from './operands.ts';
import { type Size, sizeOfImage, windowOf } from './window.ts';

/*
 * Convolution is one trilinear form, `⟨δ, conv(x, w)⟩ = Σ δ[n,o,p,q]·w[o,c,i,j]·x[n,c,s·p+i−top,s·q+j−left]`. Its derivatives in δ, x
 * and w are conv2d, conv2dInputGrad and conv2dWeightGrad, so the reverse rule of each is written with the other two.
 */

function conv(builder: Builder, x: Value, w: Value, window: Window): Value {
  return builder.op('conv2d', [x, w], windowOf(window));
}

function inputGrad(builder: Builder, delta: Value, w: Value, window: Window, inputSize: Size): Value {
  return builder.op('conv2dInputGrad', [delta, w], { ...windowOf(window), inputSize });
}

function weightGrad(builder: Builder, x: Value, delta: Value, window: Window, kernel: Size): Value {
  return builder.op('conv2dWeightGrad', [x, delta], { ...windowOf(window), kernel });
}

const typeOf = ({ shape }: NdArray) => f32(shape);

/** operands x `[N, C, H, W]`, w `[O, C, kH, kW]` → `[N, O, P, Q]`; cross-correlation, as in ONNX `Conv`. */
const conv2d: OpDef<'conv2d'> = {
  type: (operands, attributes) => {
    const [x, w] = arity(operands, 2);
    const { batch, filters, output } = geometryOfForward(x, w, attributes);
    return f32([batch, filters, ...output]);
  },
  bounds: products.conv2d,
  macs: (operands, attributes) => {
    const [x, w] = arity(operands, 2);
    return macsOf(geometryOfForward(x, w, attributes));
  },
  vjp: ({ builder, operands, node, cotangent }) => {
    const [x, w] = arity(operands, 2);
    return [
      inputGrad(builder, cotangent, w, node.attributes, sizeOfImage(builder.typeOf(x))),
      weightGrad(builder, x, cotangent, node.attributes, sizeOfImage(builder.typeOf(w))),
    ];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [x, w] = arity(operands, 2);
    const { shape, data } = ndarray(type.shape);
    const stride = attributes.strides[1];
    forEachRow(geometryOfForward(typeOf(x), typeOf(w), attributes), (deltaAt, weightAt, inputAt, count) => {
      const weight = w.data[weightAt] ?? 0;
      for (let t = 0; t < count; t++) {
        data[deltaAt + t] = (data[deltaAt + t] ?? 0) + weight * (x.data[inputAt + t * stride] ?? 0);
      }
    });
    return { shape, data };
  },
  tfjs: ({ support, operands, attributes }) => {
    const [x, w] = arity(operands, 2);
    return support('conv2d', x, w, attributes.strides, attributes.pads);
  },
  onnx: ({ op, operands, attributes }) => {
    const { strides, pads } = attributes;
    return op('Conv', arity(operands, 2), { strides, pads });
  },
};

/** operands δ `[N, O, P, Q]`, w `[O, C, kH, kW]` → `[N, C, H, W]`, linear in both. */
const conv2dInputGrad: OpDef<'conv2dInputGrad'> = {
  type: (operands, attributes) => {
    const [delta, w] = arity(operands, 2);
    const { batch, channels, input } = geometryOfInputGrad(delta, w, attributes);
    return f32([batch, channels, ...input]);
  },
  bounds: products.conv2dInputGrad,
  macs: (operands, attributes) => {
    const [delta, w] = arity(operands, 2);
    return macsOf(geometryOfInputGrad(delta, w, attributes));
  },
  vjp: ({ builder, operands, node, cotangent }) => {
    const [delta, w] = arity(operands, 2);
    return [
      conv(builder, cotangent, w, node.attributes),
      weightGrad(builder, cotangent, delta, node.attributes, sizeOfImage(builder.typeOf(w))),
    ];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [delta, w] = arity(operands, 2);
    const { shape, data } = ndarray(type.shape);
    const stride = attributes.strides[1];
    forEachRow(
      geometryOfInputGrad(typeOf(delta), typeOf(w), attributes),
      (deltaAt, weightAt, inputAt, count) => {
        const weight = w.data[weightAt] ?? 0;
        for (let t = 0; t < count; t++) {
          const at = inputAt + t * stride;
          data[at] = (data[at] ?? 0) + weight * (delta.data[deltaAt + t] ?? 0);
        }
      },
    );
    return { shape, data };
  },
  tfjs: ({ support, operands, attributes }) => {
    const [delta, w] = arity(operands, 2);
    return support('conv2dInputGrad', delta, w, attributes.strides, attributes.pads, attributes.inputSize);
  },
  onnx: onnxInputGrad,
};

/** operands x `[N, C, H, W]`, δ `[N, O, P, Q]` → `[O, C, kH, kW]`, linear in both. */
const conv2dWeightGrad: OpDef<'conv2dWeightGrad'> = {
  type: (operands, attributes) => {
    const [x, delta] = arity(operands, 2);
    const { channels, filters, kernel } = geometryOfWeightGrad(x, delta, attributes);
    return f32([filters, channels, ...kernel]);
  },
  bounds: products.conv2dWeightGrad,
  macs: (operands, attributes) => {
    const [x, delta] = arity(operands, 2);
    return macsOf(geometryOfWeightGrad(x, delta, attributes));
  },
  vjp: ({ builder, operands, node, cotangent }) => {
    const [x, delta] = arity(operands, 2);
    return [
      inputGrad(builder, delta, cotangent, node.attributes, sizeOfImage(builder.typeOf(x))),
      conv(builder, x, cotangent, node.attributes),
    ];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [x, delta] = arity(operands, 2);
    const { shape, data } = ndarray(type.shape);
    const stride = attributes.strides[1];
    forEachRow(
      geometryOfWeightGrad(typeOf(x), typeOf(delta), attributes),
      (deltaAt, weightAt, inputAt, count) => {
        let total = data[weightAt] ?? 0;
        for (let t = 0; t < count; t++)
          total += (delta.data[deltaAt + t] ?? 0) * (x.data[inputAt + t * stride] ?? 0);
        data[weightAt] = total;
      },
    );
    return { shape, data };
  },
  tfjs: ({ support, operands, attributes }) => {
    const [x, delta] = arity(operands, 2);
    return support('conv2dWeightGrad', x, delta, attributes.strides, attributes.pads, attributes.kernel);
  },
  onnx: onnxWeightGrad,
};

export const CONVOLUTION = { conv2d, conv2dInputGrad, conv2dWeightGrad } satisfies Pick<
  Registry,
  'conv2d' | 'conv2dInputGrad' | 'conv2dWeightGrad'
>;
