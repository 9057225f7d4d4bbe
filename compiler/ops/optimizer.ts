import { sameShape } from '../ir/graph.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import { div, mul, neg, scale, shift, sqrt, sumTo } from './algebra.ts';
import { adamDirection as adamDirectionBounds } from './bounds/optimizer.ts';
import { f32, floatShape } from './operands.ts';

function four<T>(operands: readonly T[]): readonly [m: T, v: T, correction1: T, correction2: T] {
  if (operands.length !== 4) throw new Error(`4 operands are needed, not ${operands.length}`);
  return operands as unknown as readonly [T, T, T, T];
}

/**
 * operands m, v, corrections `1/(1 − β₁ᵗ)` and `1/(1 − β₂ᵗ)` → `m·correction₁ / (√(v·correction₂) + ε)` (Kingma & Ba 2015, Algorithm 1). One
 * op, because m and v are of one gradient sequence, which bounds the quotient where its parts alone do not.
 */
const adamDirection: OpDef<'adamDirection'> = {
  type: (operands) => {
    const [m, v, ...corrections] = four(operands);
    const shape = floatShape(m);
    if (!sameShape(shape, floatShape(v))) throw new Error(`m is [${m.shape}] and v [${v.shape}]`);
    if (corrections.some((c) => floatShape(c).length > 0)) throw new Error('a bias correction is a scalar');
    return f32(shape);
  },
  macs: () => 0,
  bounds: adamDirectionBounds,
  // dd = δ·c₁/r·dm − δ·d/r·c₂/(2√v̂)·dv with r = √v̂ + ε.
  vjp: ({ builder, operands, node, result, cotangent }) => {
    const [m, v, correction1, correction2] = four(operands);
    const root = sqrt(builder, mul(builder, v, correction2));
    const denominator = shift(builder, root, node.attributes.epsilon);
    const share = div(builder, cotangent, denominator);
    const falling = neg(builder, div(builder, mul(builder, share, result), scale(builder, root, 2)));
    const alongM = mul(builder, share, m);
    const byCorrection1 = sumTo(builder, alongM, []);
    const byCorrection2 = sumTo(builder, mul(builder, falling, v), []);
    return [
      mul(builder, share, correction1),
      mul(builder, falling, correction2),
      byCorrection1,
      byCorrection2,
    ];
  },
  evaluate: ({ operands, attributes: { epsilon } }) => {
    const [m, v, correction1, correction2] = four(operands);
    const [c1 = 1, c2 = 1] = [correction1.data[0], correction2.data[0]];
    const data = m.data.map((first, i) => (first * c1) / (Math.sqrt((v.data[i] ?? 0) * c2) + epsilon));
    return { shape: m.shape, data };
  },
  tfjs: ({ tf, operands, attributes: { epsilon } }) => {
    const [m, v, correction1, correction2] = four(operands);
    return tf('div', tf('mul', m, correction1), tf('add', tf('sqrt', tf('mul', v, correction2)), epsilon));
  },
  onnx: ({ op, operands, constant, attributes: { epsilon } }) => {
    const [m, v, correction1, correction2] = four(operands);
    const root = op('Sqrt', [op('Mul', [v, correction2])]);
    return op('Div', [op('Mul', [m, correction1]), op('Add', [root, constant('float', epsilon)])]);
  },
};

export const OPTIMIZER = { adamDirection } satisfies Pick<Registry, 'adamDirection'>;
