import { sameShape, sizeOf, type TensorType } from '../ir/graph.ts';
import { type NdArray, stridesOf } from '../ir/ndarray.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import { broadcastTo, reshape, restoreAxes, sumTo, transpose } from './algebra.ts';
import * as bounds from './bounds/shape.ts';
import * as slopes from './bounds/slopes.ts';
import { arity, broadcastsTo, f32, floatShape, reducedBySome } from './operands.ts';
import { broadcastStrides, groupPositions, positions, read } from './strided.ts';

/** Sum over axes; adjoint to broadcasting. */
const sum: OpDef<'sum'> = {
  type: (operands, { axes, keepDims }) =>
    f32(reducedBySome(floatShape(arity(operands, 1)[0]), axes, keepDims)),
  bounds: bounds.sum,
  macs: () => 0,
  vjp: ({ builder, operands, node, cotangent }) => {
    const shape = builder.shapeOf(arity(operands, 1)[0]);
    return [broadcastTo(builder, restoreAxes(builder, cotangent, shape, node.attributes.axes), shape)];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [x] = arity(operands, 1);
    const group = groupPositions(x.shape, attributes.axes);
    const data = new Float64Array(sizeOf(type.shape));
    for (let i = 0; i < x.data.length; i++)
      data[group[i] ?? 0] = (data[group[i] ?? 0] ?? 0) + (x.data[i] ?? 0);
    return { shape: type.shape, data };
  },
  tfjs: ({ tf, operands, attributes }) =>
    tf('sum', arity(operands, 1)[0], attributes.axes, ...(attributes.keepDims ? [true] : [])),
  onnx: ({ op, operands, constant, attributes }) =>
    op('ReduceSum', [arity(operands, 1)[0], constant('int64', attributes.axes)], {
      keepdims: attributes.keepDims ? 1 : 0,
    }),
};

/** Stretches axes of size 1 and adds leading axes. */
const broadcastToDef: OpDef<'broadcastTo'> = {
  type: (operands, { shape }) => {
    const from = floatShape(arity(operands, 1)[0]);
    if (!broadcastsTo(from, shape)) throw new Error(`[${from}] does not broadcast to [${shape}]`);
    return f32(shape);
  },
  bounds: bounds.broadcastTo,
  macs: () => 0,
  vjp: ({ builder, operands, cotangent }) => [
    sumTo(builder, cotangent, builder.shapeOf(arity(operands, 1)[0])),
  ],
  evaluate: ({ operands, type }) => {
    const [x] = arity(operands, 1);
    return read(x, type.shape, positions(type.shape, broadcastStrides(x.shape, type.shape)));
  },
  tfjs: ({ tf, operands, type }) => tf('broadcastTo', arity(operands, 1)[0], type.shape),
  // Expand broadcasts both ways: 1 keeps an axis of the operand, whatever its size is at run time.
  onnx: ({ op, operands, operandTypes, constant, type }) => {
    const from = arity(operandTypes, 1)[0].shape;
    const missing = type.shape.length - from.length;
    const shape = type.shape.map((n, i) => (from[i - missing] === n ? 1 : n));
    return op('Expand', [arity(operands, 1)[0], constant('int64', shape)]);
  },
};

/** The same elements in row-major order under another shape. */
const reshapeDef: OpDef<'reshape'> = {
  bounds: {
    ...bounds.view<'reshape'>((operands, _, { shape }) => ({ shape, data: arity(operands, 1)[0].data })),
    slopes: slopes.reshape,
  },
  type: (operands, { shape }) => {
    const from = floatShape(arity(operands, 1)[0]);
    if (sizeOf(from) !== sizeOf(shape)) throw new Error(`[${from}] does not reshape to [${shape}]`);
    return f32(shape);
  },
  macs: () => 0,
  vjp: ({ builder, operands, cotangent }) => [
    reshape(builder, cotangent, builder.shapeOf(arity(operands, 1)[0])),
  ],
  evaluate: ({ operands, type }) => ({ shape: type.shape, data: arity(operands, 1)[0].data }),
  tfjs: ({ tf, operands, type }) => tf('reshape', arity(operands, 1)[0], type.shape),
  // 0 copies the operand's size, so that a batch left open stays open.
  onnx: ({ op, operands, operandTypes, constant, type }) => {
    const batch = arity(operandTypes, 1)[0].shape[0];
    const shape = type.shape.map((n, i) => (i === 0 && n === batch ? 0 : n));
    return op('Reshape', [arity(operands, 1)[0], constant('int64', shape)]);
  },
};

function transposed(x: NdArray, shape: readonly number[], permutation: readonly number[]): NdArray {
  const strides = stridesOf(x.shape);
  const order = permutation.map((axis) => strides[axis] ?? 0);
  return read(x, shape, positions(shape, order));
}

/** Axis i of the result is axis `permutation[i]` of the operand. */
const transposeDef: OpDef<'transpose'> = {
  bounds: bounds.view((operands, { permutation }, { shape }) =>
    transposed(arity(operands, 1)[0], shape, permutation),
  ),
  type: (operands, { permutation }) => {
    const shape = floatShape(arity(operands, 1)[0]);
    const sorted = [...permutation].sort((a, b) => a - b);
    if (
      !sameShape(
        sorted,
        shape.map((_, i) => i),
      )
    ) {
      throw new Error(`[${permutation}] does not permute the axes of [${shape}]`);
    }
    return f32(permutation.map((axis) => shape[axis] ?? 1));
  },
  macs: () => 0,
  vjp: ({ builder, node, cotangent }) => {
    const { permutation } = node.attributes;
    return [
      transpose(
        builder,
        cotangent,
        permutation.map((_, i) => permutation.indexOf(i)),
      ),
    ];
  },
  evaluate: ({ operands, attributes, type }) =>
    transposed(arity(operands, 1)[0], type.shape, attributes.permutation),
  tfjs: ({ tf, operands, attributes }) => tf('transpose', arity(operands, 1)[0], attributes.permutation),
  onnx: ({ op, operands, attributes }) =>
    op('Transpose', arity(operands, 1), { perm: attributes.permutation }),
};

/** The shape of a float tensor that has axes, without which engines neither slice nor pad. */
function axesOf(type: TensorType): readonly number[] {
  const shape = floatShape(type);
  if (shape.length === 0) throw new Error('a scalar has no axes');
  return shape;
}

/** The part `[starts, ends)` along each axis. */
const slice: OpDef<'slice'> = {
  type: (operands, { starts, ends }) => {
    const [{ dtype, shape }] = arity(operands, 1);
    if (shape.length === 0) throw new Error('a scalar has no axes');
    const inside = shape.every((n, i) => {
      const start = starts[i] ?? -1;
      const end = ends[i] ?? -1;
      return 0 <= start && start < end && end <= n;
    });
    if (!inside || starts.length !== shape.length || ends.length !== shape.length) {
      throw new Error(`[${starts}] to [${ends}] is not a slice of [${shape}]`);
    }
    return { dtype, shape: starts.map((start, i) => (ends[i] ?? 0) - start) };
  },
  bounds: bounds.slice,
  macs: () => 0,
  vjp: ({ builder, operands, node, cotangent }) => {
    const { starts, ends } = node.attributes;
    const shape = builder.shapeOf(arity(operands, 1)[0]);
    const after = shape.map((n, i) => n - (ends[i] ?? 0));
    return [builder.op('pad', [cotangent], { before: starts, after })];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [x] = arity(operands, 1);
    return read(x, type.shape, window(x.shape, type.shape, attributes.starts));
  },
  tfjs: ({ tf, operands, attributes, type }) =>
    tf('slice', arity(operands, 1)[0], attributes.starts, type.shape),
  // Axes that are taken whole are left out: their size may be open.
  onnx: ({ op, operands, operandTypes, constant, attributes, type }) => {
    const whole = arity(operandTypes, 1)[0].shape;
    const axes = whole.flatMap((n, i) => (n === type.shape[i] ? [] : [i]));
    if (axes.length === 0) return op('Identity', arity(operands, 1));
    const starts = axes.map((axis) => attributes.starts[axis] ?? 0);
    const ends = axes.map((axis) => attributes.ends[axis] ?? 0);
    const bounds = [starts, ends, axes].map((list) => constant('int64', list));
    return op('Slice', [arity(operands, 1)[0], ...bounds]);
  },
};

/** Zeros before and after each axis; adjoint to slicing. */
const pad: OpDef<'pad'> = {
  type: (operands, { before, after }) => {
    const shape = axesOf(arity(operands, 1)[0]);
    const sizes = [...before, ...after];
    if (sizes.length !== 2 * shape.length || before.length !== shape.length || sizes.some((n) => n < 0)) {
      throw new Error(`[${before}] and [${after}] do not pad [${shape}]`);
    }
    return f32(shape.map((n, i) => n + (before[i] ?? 0) + (after[i] ?? 0)));
  },
  bounds: bounds.pad,
  macs: () => 0,
  vjp: ({ builder, operands, node, cotangent }) => {
    const { before } = node.attributes;
    const ends = builder.shapeOf(arity(operands, 1)[0]).map((n, i) => n + (before[i] ?? 0));
    return [builder.op('slice', [cotangent], { starts: before, ends })];
  },
  evaluate: ({ operands, attributes, type }) => {
    const [x] = arity(operands, 1);
    const data = new Float64Array(sizeOf(type.shape));
    const at = window(type.shape, x.shape, attributes.before);
    for (let i = 0; i < at.length; i++) data[at[i] ?? 0] = x.data[i] ?? 0;
    return { shape: type.shape, data };
  },
  tfjs: ({ tf, operands, attributes }) => {
    const paddings = attributes.before.map((n, i) => [n, attributes.after[i] ?? 0]);
    return tf('pad', arity(operands, 1)[0], paddings);
  },
  onnx: ({ op, operands, constant, attributes }) =>
    op('Pad', [arity(operands, 1)[0], constant('int64', [...attributes.before, ...attributes.after])]),
};

/** Positions in a tensor of shape `whole` of its part of shape `part` that begins at `starts`. */
function window(whole: readonly number[], part: readonly number[], starts: readonly number[]): Int32Array {
  const strides = stridesOf(whole);
  const origin = starts.reduce((sum, start, i) => sum + start * (strides[i] ?? 0), 0);
  return positions(part, strides, origin);
}

/** A row of zeros with 1 at the label; a label outside `[0, depth)` is rejected by the evaluation. */
const oneHot: OpDef<'oneHot'> = {
  type: (operands, { depth }) => {
    const [labels] = arity(operands, 1);
    if (labels.dtype !== 'i32') throw new Error(`expected i32 labels, got ${labels.dtype}[${labels.shape}]`);
    return f32([...labels.shape, depth]);
  },
  bounds: bounds.oneHot,
  macs: () => 0,
  vjp: () => [undefined],
  evaluate: ({ operands, attributes: { depth }, type }) => {
    const [labels] = arity(operands, 1);
    const data = new Float64Array(sizeOf(type.shape));
    labels.data.forEach((label, i) => {
      if (!Number.isInteger(label) || label < 0 || label >= depth) {
        throw new Error(`label ${label} is not in [0, ${depth})`);
      }
      data[i * depth + label] = 1;
    });
    return { shape: type.shape, data };
  },
  tfjs: ({ tf, operands, attributes }) =>
    tf('oneHot', arity(operands, 1)[0], attributes.depth, 1, 0, 'float32'),
  onnx: ({ op, operands, constant, attributes }) => {
    const values = constant('float', [0, 1]);
    return op('OneHot', [arity(operands, 1)[0], constant('int32', attributes.depth), values], { axis: -1 });
  },
};

/** Ops that move, repeat or add up elements. */
export const SHAPE = {
  sum,
  broadcastTo: broadcastToDef,
  reshape: reshapeDef,
  transpose: transposeDef,
  slice,
  pad,
  oneHot,
} satisfies Pick<Registry, 'sum' | 'broadcastTo' | 'reshape' | 'transpose' | 'slice' | 'pad' | 'oneHot'>;
