import type { TensorType } from '../../compiler/ir/graph.ts';
import { sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import { fromNumber, UNBOUNDED } from '../../compiler/numeric/bound.ts';
import { type FloatElement, gridMax, type IntElement } from '../../compiler/numeric/format.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { SAMPLES } from '../ops/samples.ts';
import type { Case, Tensor } from './check.ts';
import { drawTensor, exactTensor, type Kind, rangeOf } from './operands.ts';
import { Random } from './random.ts';

/** Builds a graph from drawn inputs. */
export class CaseBuilder {
  readonly builder = newBuilder();
  readonly inputs = new Map<string, Tensor>();
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  input(tensor: Tensor, dtype: TensorType['dtype'] = 'f32'): Value {
    const name = `x${this.inputs.size}`;
    this.inputs.set(name, tensor);
    return this.builder.input(name, 'batch', { dtype, shape: tensor.real.shape });
  }

  draw(kind: Kind, shape: readonly number[]): Value {
    return this.input(drawTensor(this.random, kind, shape));
  }

  done(result: Value): Case {
    return { graph: this.builder.build('case', [{ name: 'result', value: result }]), inputs: this.inputs };
  }
}

const int = (bits: number, signed: boolean, narrow: boolean): IntElement => ({
  kind: 'int',
  bits,
  signed,
  narrow,
});
const float = (exponent: number, mantissa: number, specials: FloatElement['specials']): FloatElement => ({
  kind: 'float',
  exponent,
  mantissa,
  specials,
});

/** Formats of every family, the coarsest and the finest of each among them. */
export const ELEMENTS: readonly (IntElement | FloatElement)[] = [
  ...[2, 3, 4, 5, 8, 12, 16].map((bits) => int(bits, true, true)),
  ...[2, 4, 8, 16].map((bits) => int(bits, true, false)),
  ...[2, 3, 4, 8].map((bits) => int(bits, false, false)),
  float(5, 10, 'ieee'),
  float(8, 7, 'ieee'),
  float(5, 2, 'ieee_saturating'),
  float(4, 3, 'fn'),
  float(3, 0, 'none'),
  float(2, 1, 'none'),
  float(2, 3, 'none'),
  float(3, 2, 'none'),
  float(4, 0, 'none'),
  float(2, 0, 'none'),
];

/** Cases of one op: its operands of all the kinds it takes, and the ops that feed it where they belong together. */
export type Draw = (draw: CaseBuilder) => Value;

/** Shapes and attributes of the op's samples, with operands of the given kinds. */
function sampled<K extends OpName>(op: K, ...kinds: readonly Kind[]): Draw {
  return (draw) => {
    const sample = draw.random.pick(SAMPLES[op].samples);
    const operands = sample.operands.map(({ shape }, i) => draw.draw(kinds[i] ?? 'real', shape));
    // x·x and x + x, whose operands err alike.
    const [first] = operands;
    const twin = first !== undefined && operands.length === 2 && draw.random.chance(0.1);
    const same =
      twin && `${sample.operands[0]?.shape}` === `${sample.operands[1]?.shape}` && kinds[0] === kinds[1];
    return draw.builder.op(op, same ? [first, first] : operands, sample.attributes);
  };
}

/** The weights of a product once more in the other direction, as its reverse rule reads them. */
function transposedToo<K extends OpName>(
  draw: CaseBuilder,
  op: K,
  y: Value,
  weights: Value,
  attributes: OpAttributes[K],
  input: readonly number[],
): void {
  const { builder } = draw;
  if (op === 'matmul' && input.length === 2) {
    const { transposeB } = attributes as OpAttributes['matmul'];
    const delta = draw.draw('real', [2, builder.shapeOf(y)[1] ?? 1]);
    builder.op('matmul', [delta, weights], { transposeA: false, transposeB: !transposeB });
  }
  if (op === 'conv2d') {
    const [, , height = 1, width = 1] = input;
    const window = attributes as OpAttributes['conv2d'];
    const delta = draw.draw('real', builder.shapeOf(y));
    builder.op('conv2dInputGrad', [delta, weights], { ...window, inputSize: [height, width] });
  }
}

/** Products whose second operand is, often, a weight that is rounded on its way in. */
function product<K extends 'matmul' | 'conv2d' | 'conv2dInputGrad' | 'conv2dWeightGrad'>(op: K): Draw {
  return (draw) => {
    const { builder, random } = draw;
    const sample = random.pick(SAMPLES[op].samples);
    const [first, second] = sample.operands.map(({ shape }) =>
      draw.draw(random.pick(['real', 'nonNegative']), shape),
    );
    if (first === undefined || second === undefined) throw new Error('a product has two operands');
    const rounded = (x: Value): Value => {
      if (random.chance(0.5)) return x;
      const element = random.pick(ELEMENTS.filter((e) => e.kind === 'float' || e.signed));
      const q = builder.op('quantize', [x, scaleFor(draw, x, element, random.chance(0.2))], { element });
      return random.chance(0.2) ? builder.op('stopGradient', [q], {}) : q;
    };
    const weights = rounded(second);
    const y = builder.op(op, [rounded(first), weights], sample.attributes);
    if (random.chance(0.3))
      transposedToo(draw, op, y, weights, sample.attributes, sample.operands[0]?.shape ?? []);
    return y;
  };
}

/** An elementwise op over more shapes than the samples have. */
function unary<K extends 'neg' | 'abs' | 'exp' | 'log' | 'sqrt' | 'relu' | 'step' | 'stopGradient'>(
  op: K,
  kind: Kind = 'real',
  more: readonly (readonly number[])[] = [],
): Draw {
  return (draw) =>
    draw.builder.op(
      op,
      [draw.draw(kind, draw.random.pick([[], [1], [7], [3, 5], ...more]))],
      {} as OpAttributes[K],
    );
}

/** The scale of x: that which follows it, the constant 1, or one that nothing is known of but its range. */
function scaleFor(draw: CaseBuilder, x: Value, element: IntElement | FloatElement, own: boolean): Value {
  const { builder, random } = draw;
  const shape = builder.shapeOf(x);
  const axes = shape.map((_, i) => i);
  const some = axes.length > 1 && random.chance(0.4) ? axes.slice(1) : axes;
  const kind = random.pick(['absmax', 'power_of_two'] as const);
  const choice = own ? random.unit() : random.unit() * 0.75;
  if (choice < 0.55) return builder.op('quantScale', [x], { element, axes: some, kind });
  if (choice < 0.75) return builder.constant(1);
  return draw.draw(
    'positive',
    random.pick([[], some.length < axes.length ? shape.map((n, i) => (some.includes(i) ? 1 : n)) : []]),
  );
}

/** Values next to ties and to boundaries of codes, the largest on the end of the grid; or next to the end of what a float holds. */
function nearTies(random: Random, shape: readonly number[], element: IntElement | FloatElement): Tensor {
  const most = gridMax(element);
  const scale = random.pick([1, 1 / most, 2 ** 20, 1e-6]);
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => {
    if (i === 0) return most;
    const code = random.chance(0.5) ? Math.min(most, 65504) - random.below(3) : random.below(most + 1);
    return (code - random.pick([0.5, 0, 1])) * (1 + random.pick([0, 1, -1]) * 2 ** -random.between(18, 26));
  });
  const tensor = exactTensor(
    shape,
    values.map((v) => v * scale),
  );
  return random.chance(0.5)
    ? tensor
    : {
        ...tensor,
        computed: ndarray(
          shape,
          values.map((v) => v * scale * random.pick([1, -1, 1.2])),
        ),
        range: { ...tensor.range, cap: UNBOUNDED },
      };
}

/** An unsigned element is for values that are not negative, though nothing forbids others. */
function quantized(op: 'quantize' | 'quantizeStochastic' | 'quantizeMask'): Draw {
  return (draw) => {
    const { builder, random } = draw;
    const element = random.pick(ELEMENTS);
    const unsigned = element.kind === 'int' && !element.signed;
    const shape = random.pick([[5], [2, 6], [3, 2, 2], []]);
    const x = random.chance(0.25)
      ? draw.input(nearTies(random, shape, element))
      : draw.draw(unsigned && random.chance(0.7) ? 'nonNegative' : 'real', shape);
    const scale = scaleFor(draw, x, element, true);
    if (op !== 'quantizeStochastic') return builder.op(op, [x, scale], { element });
    return builder.op(op, [x, scale, draw.draw('noise', shape)], { element });
  };
}

/** m and v of a gradient sequence and of a disturbed one, after some steps, or of none. */
function adam(draw: CaseBuilder): Value {
  const { random } = draw;
  const [beta1, beta2] = random.pick([
    [0.9, 0.999],
    [0.9, 0.99],
    [0.5, 0.9],
    [0, 0.5],
    [0.95, 0.9],
  ] as const);
  const epsilon = 10 ** random.between(-8, 0);
  const shape = random.pick([[], [4], [2, 3]]);
  const steps = 1 + random.below(random.pick([2, 8, 60, 400]));
  // The sequence gⱼ ∝ (β₁/β₂)ʲ, newest first, reaches the cap of |m̂|/√v̂ after that many steps.
  const worst = random.chance(0.3);
  const drawn = drawTensor(random, 'real', shape);
  const gradients = Array.from({ length: steps }, (_, s) => {
    if (!worst) return drawTensor(random, 'real', shape);
    const share = (beta1 / beta2) ** (steps - 1 - s);
    const scaled = ({ data }: Tensor['real']) =>
      ndarray(
        shape,
        data.map((g) => g * share),
      );
    return { ...drawn, real: scaled(drawn.real), computed: scaled(drawn.computed) };
  });
  const exactState = random.chance(0.6);
  const moments = (of: 'real' | 'computed') => {
    const m = new Float64Array(sizeOf(shape));
    const v = new Float64Array(sizeOf(shape));
    for (const g of gradients) {
      g[of].data.forEach((x, i) => {
        const unit = Math.max(-1e15, Math.min(1e15, x));
        m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * unit;
        v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * unit * unit;
      });
    }
    return { m, v };
  };
  const [real, computed] = [moments('real'), moments('computed')];
  const state = (key: 'm' | 'v'): Tensor => {
    const [a, b] = [ndarray(shape, real[key]), ndarray(shape, computed[key])];
    const range = rangeOf(a, b, random, false);
    return { real: a, computed: b, range: { ...range, nonNegative: key === 'v' }, known: false };
  };
  const free = (key: 'm' | 'v'): Value => draw.draw(key === 'm' ? 'real' : 'nonNegative', shape);
  const correction = (beta: number): Value => {
    const value = 1 / (1 - beta ** steps);
    const error = exactState ? 2 ** -24 : random.pick([0, 2 ** -24, 0.1, 2]);
    const tensor = exactTensor([], [value], { away: fromNumber(Math.min(value, value * (1 - 2 ** -23))) });
    return draw.input({ ...tensor, computed: ndarray([], [value * (1 + error)]) });
  };
  const operands = exactState ? [draw.input(state('m')), draw.input(state('v'))] : [free('m'), free('v')];
  return draw.builder.op('adamDirection', [...operands, correction(beta1), correction(beta2)], {
    beta1,
    beta2,
    epsilon,
    exactState,
  });
}

const SIGNS = ['real', 'positive', 'nonNegative', 'negative'] as const;

/** How cases of every op are drawn. A new op without a drawing does not compile. */
export const DRAWINGS: { readonly [K in OpName]: Draw } = {
  neg: unary('neg'),
  abs: unary('abs'),
  exp: unary('exp', 'exponent'),
  log: (draw) => unary('log', draw.random.pick(['positive', 'fragile']))(draw),
  sqrt: (draw) => unary('sqrt', draw.random.pick(['nonNegative', 'positive', 'fragile']))(draw),
  relu: (draw) => unary('relu', draw.random.pick(['real', 'positive', 'negative']))(draw),
  step: (draw) => unary('step', draw.random.pick(['real', 'positive', 'negative']), [[150]])(draw),
  stopGradient: unary('stopGradient'),
  add: (draw) => sampled('add', draw.random.pick(SIGNS), draw.random.pick(SIGNS))(draw),
  sub: (draw) => sampled('sub', draw.random.pick(SIGNS), draw.random.pick(SIGNS))(draw),
  mul: (draw) =>
    sampled(
      'mul',
      draw.random.pick(['real', 'away', 'positive']),
      draw.random.pick(['real', 'away', 'positive']),
    )(draw),
  div: (draw) => sampled('div', 'real', draw.random.pick(['away', 'positive', 'fragile']))(draw),
  minimum: (draw) =>
    sampled('minimum', draw.random.pick(['real', 'positive']), draw.random.pick(['real', 'away']))(draw),
  maximum: (draw) =>
    sampled('maximum', draw.random.pick(['real', 'positive']), draw.random.pick(['real', 'away']))(draw),
  sum: (draw) => sampled('sum', draw.random.pick(['real', 'positive']))(draw),
  broadcastTo: sampled('broadcastTo', 'away'),
  reshape: sampled('reshape', 'away'),
  transpose: sampled('transpose', 'away'),
  slice: sampled('slice', 'away'),
  pad: sampled('pad', 'positive'),
  oneHot: (draw) => {
    const labels = Array.from({ length: 6 }, () => draw.random.below(4));
    return draw.builder.op('oneHot', [draw.input(exactTensor([6], labels), 'i32')], { depth: 4 });
  },
  matmul: product('matmul'),
  conv2d: product('conv2d'),
  conv2dInputGrad: product('conv2dInputGrad'),
  conv2dWeightGrad: product('conv2dWeightGrad'),
  sumPool: (draw) => sampled('sumPool', draw.random.pick(['real', 'positive']))(draw),
  sumPoolGrad: (draw) => sampled('sumPoolGrad', draw.random.pick(['real', 'positive']))(draw),
  maxPool: (draw) => sampled('maxPool', draw.random.pick(['real', 'away']))(draw),
  maxPoolRoute: (draw) => {
    if (draw.random.chance(0.7)) return sampled('maxPoolRoute')(draw);
    // One window, whose winner changes where both of its elements err.
    const attributes = { kernel: [1, 2], strides: [1, 1], pads: [0, 0, 0, 0] } as const;
    const operands = [draw.draw('real', [1, 1, 1, 2]), draw.draw('real', [1, 1, 1, 1])];
    return draw.builder.op('maxPoolRoute', operands, attributes);
  },
  maxPoolPick: (draw) => sampled('maxPoolPick', 'real', draw.random.pick(['real', 'positive']))(draw),
  variance: sampled('variance'),
  standardize: (draw) => {
    const sample = draw.random.pick(SAMPLES.standardize.samples);
    const shape = sample.operands[0]?.shape ?? [];
    const epsilon = 10 ** draw.random.between(-8, 1);
    return draw.builder.op('standardize', [draw.draw('real', shape)], { ...sample.attributes, epsilon });
  },
  softmax: (draw) => sampled('softmax', draw.random.pick(['real', 'exponent']))(draw),
  softmaxCrossEntropy: (draw) =>
    sampled('softmaxCrossEntropy', draw.random.pick(['real', 'exponent']), 'distribution')(draw),
  adamDirection: adam,
  quantScale: (draw) => {
    const element = draw.random.pick(ELEMENTS);
    const x = draw.draw('real', [2, 6]);
    const kind = draw.random.pick(['absmax', 'power_of_two'] as const);
    const scale = draw.builder.op('quantScale', [x], {
      element,
      axes: draw.random.pick([[0, 1], [1]]),
      kind,
    });
    // Read by itself, as a learned scale's product is.
    return draw.builder.op('mul', [x, scale], {});
  },
  quantize: quantized('quantize'),
  quantizeStochastic: quantized('quantizeStochastic'),
  dequantize: (draw) => {
    const { attributes } = draw.random.pick(SAMPLES.dequantize.samples);
    const codes = draw.draw(draw.random.pick(['codes', 'real', 'positive']), [2, 3]);
    return draw.builder.op('dequantize', [codes, draw.draw('positive', [2, 1])], attributes);
  },
  quantizeMask: quantized('quantizeMask'),
  quantizeCotangent: sampled('quantizeCotangent', 'away'),
  uniform: sampled('uniform'),
  normal: sampled('normal'),
};

/** The case of an op that a seed stands for. */
export function caseOf(op: OpName, seed: number): Case {
  const draw = new CaseBuilder(new Random(seed));
  return draw.done(DRAWINGS[op](draw));
}
