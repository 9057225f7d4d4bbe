import { ndarray } from '../ir/ndarray.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import * as bounds from './bounds/pooling.ts';
import { arity, f32, floatShape } from './operands.ts';
import { forEachWindow, winners } from './pooling/evaluate.ts';
import { onnxMaxPool, onnxPick, onnxRoute, onnxSumPool, onnxSumPoolGrad } from './pooling/onnx.ts';
import { assertShape, pooledType, shape4, sizeOfImage, windowOf } from './window.ts';

/** x `[N, C, H, W]` → `[N, C, P, Q]`: the sum of each window, padding counted as 0. */
const sumPool: OpDef<'sumPool'> = {
  type: (operands, attributes) => pooledType(arity(operands, 1)[0], attributes),
  bounds: bounds.sumPool,
  macs: () => 0,
  vjp: ({ builder, operands, node, cotangent }) => {
    const inputSize = sizeOfImage(builder.typeOf(arity(operands, 1)[0]));
    const { kernel } = node.attributes;
    return [builder.op('sumPoolGrad', [cotangent], { ...windowOf(node.attributes), kernel, inputSize })];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [x] = arity(operands, 1);
    const { shape, data } = ndarray(type.shape);
    forEachWindow(x.shape, attributes, (output, input) => {
      data[output] = (data[output] ?? 0) + (x.data[input] ?? 0);
    });
    return { shape, data };
  },
  tfjs: ({ support, operands, attributes: { kernel, strides, pads } }) =>
    support('sumPool', arity(operands, 1)[0], kernel, strides, pads),
  onnx: onnxSumPool,
};

/** δ `[N, C, P, Q]` → `[N, C, H, W]`: the adjoint of sumPool, each δ added to every element of its window. */
const sumPoolGrad: OpDef<'sumPoolGrad'> = {
  type: (operands, attributes) => {
    const [delta] = arity(operands, 1);
    const [n, c] = shape4(delta);
    const image = f32([n, c, ...attributes.inputSize]);
    assertShape(delta, pooledType(image, attributes).shape);
    return image;
  },
  bounds: bounds.sumPoolGrad,
  macs: () => 0,
  vjp: ({ builder, node, cotangent }) => {
    const { kernel } = node.attributes;
    return [builder.op('sumPool', [cotangent], { ...windowOf(node.attributes), kernel })];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [delta] = arity(operands, 1);
    const { shape, data } = ndarray(type.shape);
    forEachWindow(shape, attributes, (output, input) => {
      data[input] = (data[input] ?? 0) + (delta.data[output] ?? 0);
    });
    return { shape, data };
  },
  tfjs: ({ support, operands, attributes: { kernel, strides, pads, inputSize } }) =>
    support('sumPoolGrad', arity(operands, 1)[0], kernel, strides, pads, inputSize),
  onnx: onnxSumPoolGrad,
};

/** x `[N, C, H, W]` → `[N, C, P, Q]`. The derivative goes to the first winner of each window, row-major: one choice of subgradient. */
const maxPool: OpDef<'maxPool'> = {
  type: (operands, attributes) => pooledType(arity(operands, 1)[0], attributes),
  bounds: bounds.maxPool,
  macs: () => 0,
  vjp: ({ builder, operands, node, cotangent }) => [
    builder.op('maxPoolRoute', [arity(operands, 1)[0], cotangent], node.attributes),
  ],
  evaluate: ({ operands, attributes, type }) => {
    const [x] = arity(operands, 1);
    return ndarray(
      type.shape,
      Array.from(winners(x, attributes), (winner) => x.data[winner] ?? 0),
    );
  },
  tfjs: ({ support, operands, attributes: { kernel, strides, pads } }) =>
    support('maxPool', arity(operands, 1)[0], kernel, strides, pads),
  onnx: onnxMaxPool,
};

const maxPoolRoute: OpDef<'maxPoolRoute'> = {
  type: (operands, attributes) => {
    const [x, delta] = arity(operands, 2);
    assertShape(delta, pooledType(x, attributes).shape);
    return x;
  },
  bounds: bounds.maxPoolRoute,
  macs: () => 0,
  // Which element wins is constant almost everywhere, so nothing flows to x.
  vjp: ({ builder, operands, node, cotangent }) => [
    undefined,
    builder.op('maxPoolPick', [arity(operands, 2)[0], cotangent], node.attributes),
  ],
  evaluate: ({ operands, attributes, type }) => {
    const [x, delta] = arity(operands, 2);
    const { shape, data } = ndarray(type.shape);
    winners(x, attributes).forEach((winner, output) => {
      data[winner] = (data[winner] ?? 0) + (delta.data[output] ?? 0);
    });
    return { shape, data };
  },
  tfjs: ({ support, operands, attributes: { kernel, strides, pads } }) =>
    support('maxPoolRoute', ...arity(operands, 2), kernel, strides, pads),
  onnx: onnxRoute,
};

const maxPoolPick: OpDef<'maxPoolPick'> = {
  type: (operands, attributes) => {
    const [x, u] = arity(operands, 2);
    assertShape(u, floatShape(x));
    return pooledType(x, attributes);
  },
  bounds: bounds.maxPoolPick,
  macs: () => 0,
  vjp: ({ builder, operands, node, cotangent }) => [
    undefined,
    builder.op('maxPoolRoute', [arity(operands, 2)[0], cotangent], node.attributes),
  ],
  evaluate: ({ operands, attributes, type }) => {
    const [x, u] = arity(operands, 2);
    return ndarray(
      type.shape,
      Array.from(winners(x, attributes), (winner) => u.data[winner] ?? 0),
    );
  },
  tfjs: ({ support, operands, attributes: { kernel, strides, pads } }) =>
    support('maxPoolPick', ...arity(operands, 2), kernel, strides, pads),
  onnx: onnxPick,
};

export const POOLING = { sumPool, sumPoolGrad, maxPool, maxPoolRoute, maxPoolPick } satisfies Pick<
  Registry,
  'sumPool' | 'sumPoolGrad' | 'maxPool' | 'maxPoolRoute' | 'maxPoolPick'
>;
