import type { BoundRules } from '../ir/bound-rules.ts';
import { sameShape, type Value } from '../ir/graph.ts';
import type { NdArray } from '../ir/ndarray.ts';
import type { OpDef, Registry, VjpContext } from '../ir/op.ts';
import type { OpName } from '../ir/op-attributes.ts';
import { div, mul, neg, scale, step, sub, sumTo } from './algebra.ts';
import * as bounds from './bounds/elementwise.ts';
import { arity, broadcastShapes, f32, floatShape } from './operands.ts';
import { broadcastStrides, positions } from './strided.ts';

/** What differs between the elementwise ops of one operand. */
interface UnaryRule<K extends OpName> {
  readonly apply: (x: number) => number;
  /** Cotangent of the operand. */
  readonly vjp: (context: VjpContext<K>, x: Value) => Value | undefined;
  /** Method of tfjs-core. */
  readonly tf: string;
  readonly bounds: BoundRules<K>;
  /** Operator of ONNX, where it is one operator. */
  readonly onnx: string | OpDef<K>['onnx'];
}

function unary<K extends OpName>(rule: UnaryRule<K>): OpDef<K> {
  return {
    type: (operands) => f32(floatShape(arity(operands, 1)[0])),
    macs: () => 0,
    vjp: (context) => [rule.vjp(context, arity(context.operands, 1)[0])],
    bounds: rule.bounds,
    evaluate: ({ operands }) => {
      const [x] = arity(operands, 1);
      return { shape: x.shape, data: x.data.map(rule.apply) };
    },
    tfjs: ({ tf, operands }) => tf(rule.tf, ...arity(operands, 1)),
    onnx: (context) => {
      if (typeof rule.onnx !== 'string') return rule.onnx(context);
      return context.op(rule.onnx, arity(context.operands, 1));
    },
  };
}

/** What differs between the broadcasting ops of two operands. */
interface BinaryRule<K extends OpName> {
  readonly apply: (a: number, b: number) => number;
  /** Cotangents of the operands, of the result's shape: the caller sums them back to the operands' shapes. */
  readonly vjp: (context: VjpContext<K>, a: Value, b: Value) => readonly [Value, Value];
  readonly bounds: BoundRules<K>;
  readonly tf: string;
  readonly onnx: string;
}

function binary<K extends OpName>(rule: BinaryRule<K>): OpDef<K> {
  return {
    type: (operands) => {
      const [a, b] = arity(operands, 2);
      return f32(broadcastShapes(floatShape(a), floatShape(b)));
    },
    macs: () => 0,
    vjp: (context) => {
      const { builder } = context;
      const [a, b] = arity(context.operands, 2);
      const [da, db] = rule.vjp(context, a, b);
      return [sumTo(builder, da, builder.shapeOf(a)), sumTo(builder, db, builder.shapeOf(b))];
    },
    bounds: rule.bounds,
    evaluate: ({ operands, type }) => {
      const [a, b] = arity(operands, 2);
      return zip(a, b, type.shape, rule.apply);
    },
    tfjs: ({ tf, operands }) => tf(rule.tf, ...arity(operands, 2)),
    onnx: ({ op, operands }) => op(rule.onnx, arity(operands, 2)),
  };
}

function zip(
  a: NdArray,
  b: NdArray,
  shape: readonly number[],
  apply: (a: number, b: number) => number,
): NdArray {
  // The common case needs no table of positions.
  if (sameShape(a.shape, b.shape)) return { shape, data: a.data.map((x, i) => apply(x, b.data[i] ?? 0)) };
  const fromA = positions(shape, broadcastStrides(a.shape, shape));
  const fromB = positions(shape, broadcastStrides(b.shape, shape));
  const data = new Float64Array(fromA.length);
  for (let i = 0; i < data.length; i++)
    data[i] = apply(a.data[fromA[i] ?? 0] ?? 0, b.data[fromB[i] ?? 0] ?? 0);
  return { shape, data };
}

/**
 * Elementwise ops: `f(x)` of one operand, `f(a, b)` of two that broadcast. δ is the cotangent of the result.
 *
 * Where a derivative does not exist one is chosen: relu′(0) = 0, abs′(0) = 0; where the operands of minimum or maximum
 * are equal, the first takes all of δ. sqrt′(0) is not finite, so an operand of sqrt is kept positive by its maker.
 */
export const ELEMENTWISE = {
  neg: unary({
    bounds: bounds.neg,
    apply: (x) => -x,
    vjp: ({ builder, cotangent }) => neg(builder, cotangent),
    tf: 'neg',
    onnx: 'Neg',
  }),
  abs: unary({
    bounds: bounds.abs,
    apply: Math.abs,
    // sign x = step x − step(−x)
    vjp: ({ builder, cotangent }, x) =>
      mul(builder, cotangent, sub(builder, step(builder, x), step(builder, neg(builder, x)))),
    tf: 'abs',
    onnx: 'Abs',
  }),
  exp: unary({
    bounds: bounds.exp,
    apply: Math.exp,
    vjp: ({ builder, cotangent, result }) => mul(builder, cotangent, result),
    tf: 'exp',
    onnx: 'Exp',
  }),
  log: unary({
    bounds: bounds.log,
    apply: Math.log,
    vjp: ({ builder, cotangent }, x) => div(builder, cotangent, x),
    tf: 'log',
    onnx: 'Log',
  }),
  sqrt: unary({
    bounds: bounds.sqrtRules,
    apply: Math.sqrt,
    // d√x = δ / (2·√x)
    vjp: ({ builder, cotangent, result }) => div(builder, cotangent, scale(builder, result, 2)),
    tf: 'sqrt',
    onnx: 'Sqrt',
  }),
  relu: unary({
    bounds: bounds.relu,
    apply: (x) => Math.max(x, 0),
    vjp: ({ builder, cotangent }, x) => mul(builder, cotangent, step(builder, x)),
    tf: 'relu',
    onnx: 'Relu',
  }),
  step: unary({
    bounds: bounds.step,
    apply: (x) => (x > 0 ? 1 : 0),
    vjp: () => undefined,
    tf: 'step',
    onnx: ({ op, operands, constant }) =>
      op('Cast', [op('Greater', [arity(operands, 1)[0], constant('float', 0)])], { to: { type: 'float' } }),
  }),
  stopGradient: unary({
    bounds: bounds.stopGradient,
    apply: (x) => x,
    vjp: () => undefined,
    tf: 'clone',
    onnx: 'Identity',
  }),
  add: binary({
    bounds: bounds.addRules,
    apply: (a, b) => a + b,
    vjp: ({ cotangent }) => [cotangent, cotangent],
    tf: 'add',
    onnx: 'Add',
  }),
  sub: binary({
    bounds: bounds.subRules,
    apply: (a, b) => a - b,
    vjp: ({ builder, cotangent }) => [cotangent, neg(builder, cotangent)],
    tf: 'sub',
    onnx: 'Sub',
  }),
  mul: binary({
    bounds: bounds.mulRules,
    apply: (a, b) => a * b,
    vjp: ({ builder, cotangent }, a, b) => [mul(builder, cotangent, b), mul(builder, cotangent, a)],
    tf: 'mul',
    onnx: 'Mul',
  }),
  div: binary({
    bounds: bounds.divRules,
    apply: (a, b) => a / b,
    // d(a/b) = δ/b · (da − (a/b)·db)
    vjp: ({ builder, cotangent, result }, _a, b) => {
      const da = div(builder, cotangent, b);
      return [da, neg(builder, mul(builder, da, result))];
    },
    tf: 'div',
    onnx: 'Div',
  }),
  minimum: binary({
    bounds: bounds.minimum,
    apply: Math.min,
    vjp: ({ builder, cotangent }, a, b) => {
      const second = step(builder, sub(builder, a, b));
      const first = sub(builder, builder.constant(1), second);
      return [mul(builder, cotangent, first), mul(builder, cotangent, second)];
    },
    tf: 'minimum',
    onnx: 'Min',
  }),
  maximum: binary({
    bounds: bounds.maximum,
    apply: Math.max,
    vjp: ({ builder, cotangent }, a, b) => {
      const second = step(builder, sub(builder, b, a));
      const first = sub(builder, builder.constant(1), second);
      return [mul(builder, cotangent, first), mul(builder, cotangent, second)];
    },
    tf: 'maximum',
    onnx: 'Max',
  }),
} satisfies Pick<
  Registry,
  | 'neg'
  | 'abs'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'relu'
  | 'step'
  | 'stopGradient'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'minimum'
  | 'maximum'
>;
