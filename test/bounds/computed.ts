import { type Node, type OpNode, sizeOf } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import { gridMax } from '../../compiler/numeric/format.ts';
import {
  binade,
  floatStep,
  MAX_SCALE,
  MIN_SCALE,
  quantizeStochasticValue,
  quantizeValue,
  staysOnGrid,
} from '../../compiler/numeric/round.ts';
import {
  forEachRow,
  type Geometry,
  geometryOfForward,
  geometryOfInputGrad,
  geometryOfWeightGrad,
} from '../../compiler/ops/convolution/geometry.ts';
import { forEachWindow, winners } from '../../compiler/ops/pooling/evaluate.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { broadcastStrides, groupPositions, positions } from '../../compiler/ops/strided.ts';
import { fixedNoise } from '../support/calculus.ts';
import type { Adversary } from './adversary.ts';

/** What one op gives in a program whose every rounding the adversary chooses. */
type Computed<K extends OpName> = (
  adversary: Adversary,
  operands: readonly NdArray[],
  attributes: OpAttributes[K],
  shape: readonly number[],
) => NdArray;

const at = (x: NdArray | undefined, i: number): number => x?.data[i] ?? 0;

function operand(operands: readonly NdArray[], i: number): NdArray {
  const x = operands[i];
  if (x === undefined) throw new Error(`there is no operand ${i}`);
  return x;
}

/** An op that makes no rounding: its reference is what every program computes. */
function exact<K extends OpName>(op: K): Computed<K> {
  return (_, operands, attributes, shape) =>
    REGISTRY[op].evaluate({ attributes, operands, type: { dtype: 'f32', shape }, noise: fixedNoise });
}

function unary<K extends OpName>(apply: (adversary: Adversary, x: number) => number): Computed<K> {
  return (adversary, operands, _, shape) => ({
    shape,
    data: operand(operands, 0).data.map((x) => apply(adversary, x)),
  });
}

function binary<K extends OpName>(
  apply: (adversary: Adversary, a: number, b: number) => number,
): Computed<K> {
  return (adversary, operands, _, shape) => {
    const [a, b] = [operand(operands, 0), operand(operands, 1)];
    const fromA = positions(shape, broadcastStrides(a.shape, shape));
    const fromB = positions(shape, broadcastStrides(b.shape, shape));
    return ndarray(
      shape,
      Array.from(fromA, (i, k) => apply(adversary, at(a, i), at(b, fromB[k] ?? 0))),
    );
  };
}

/** Sums of lists of terms, one list for each element. */
class Sums {
  readonly #lists: number[][];

  constructor(size: number) {
    this.#lists = Array.from({ length: size }, () => []);
  }

  put(index: number, term: number): void {
    this.#lists[index]?.push(term);
  }

  added(adversary: Adversary, shape: readonly number[]): NdArray {
    return ndarray(
      shape,
      this.#lists.map((terms) => adversary.sum(terms)),
    );
  }
}

function grouped(
  adversary: Adversary,
  x: NdArray,
  axes: readonly number[],
  shape: readonly number[],
): NdArray {
  const group = groupPositions(x.shape, axes);
  const sums = new Sums(sizeOf(shape));
  x.data.forEach((value, i) => {
    sums.put(group[i] ?? 0, value);
  });
  return sums.added(adversary, shape);
}

/** Deviations from the mean, and the variance, in two passes. */
function moments(adversary: Adversary, x: NdArray, axes: readonly number[]) {
  const shape = x.shape.map((n, i) => (axes.includes(i) ? 1 : n));
  const group = groupPositions(x.shape, axes);
  const count = x.data.length / sizeOf(shape);
  const mean = grouped(adversary, x, axes, shape).data.map((s) => adversary.product(s / count));
  const deviations = x.data.map((value, i) => adversary.round(value - (mean[group[i] ?? 0] ?? 0)));
  const squares = { shape: x.shape, data: deviations.map((d) => adversary.product(d * d)) };
  const variance = grouped(adversary, squares, axes, shape).data.map((s) => adversary.product(s / count));
  return { group, deviations, variance, shape };
}

function rows(
  x: NdArray,
  row: (values: readonly number[], index: number) => readonly number[],
): readonly number[] {
  const width = x.shape.at(-1) ?? 1;
  return Array.from({ length: x.data.length / width }, (_, r) =>
    row([...x.data.subarray(r * width, (r + 1) * width)], r),
  ).flat();
}

/** Logits less their maximum, and the sum of their powers. */
function shiftedPowers(adversary: Adversary, logits: readonly number[]) {
  const most = Math.max(...logits);
  const shifted = logits.map((z) => adversary.round(z - most));
  const powers = shifted.map((t) => adversary.exponential(Math.exp(t)));
  return { shifted, powers, total: adversary.sum(powers) };
}

function convolved(
  adversary: Adversary,
  geometry: Geometry,
  into: 'delta' | 'weight' | 'input',
  [first, second]: readonly [NdArray, NdArray],
  shape: readonly number[],
): NdArray {
  const sums = new Sums(sizeOf(shape));
  const stride = geometry.window.strides[1];
  forEachRow(geometry, (deltaAt, weightAt, inputAt, count) => {
    for (let t = 0; t < count; t++) {
      const place = { delta: deltaAt + t, weight: weightAt, input: inputAt + t * stride };
      const [a, b] = {
        delta: [place.input, place.weight] as const,
        input: [place.delta, place.weight] as const,
        weight: [place.input, place.delta] as const,
      }[into];
      sums.put(place[into], adversary.product(at(first, a) * at(second, b)));
    }
  });
  return sums.added(adversary, shape);
}

const typeOf = (x: NdArray) => ({ dtype: 'f32', shape: x.shape }) as const;

function pair(operands: readonly NdArray[]): readonly [NdArray, NdArray] {
  return [operand(operands, 0), operand(operands, 1)];
}

function isPowerOfTwo(s: number): boolean {
  return s > 0 && binade(s) === s;
}

/** `x / scale`, exact where the scale is a power of two and nothing underflows. */
function over(adversary: Adversary, x: number, scale: number): number {
  return isPowerOfTwo(scale) && Math.abs(x / scale) > 2 ** -125 ? x / scale : adversary.product(x / scale);
}

function scaled(
  adversary: Adversary,
  operands: readonly NdArray[],
  rule: (v: number, scale: number, index: number) => number,
): NdArray {
  const [x, scale] = pair(operands);
  const from = positions(x.shape, broadcastStrides(scale.shape, x.shape));
  const data = x.data.map((value, i) => {
    const s = at(scale, from[i] ?? 0);
    return rule(over(adversary, value, s), s, i);
  });
  return { shape: x.shape, data };
}

/** `q · scale` likewise. */
function back(adversary: Adversary, q: number, scale: number): number {
  return isPowerOfTwo(scale) ? q * scale : adversary.product(q * scale);
}

/** Every op as a program may compute it. A new op without one does not compile. */
export const COMPUTED: { readonly [K in OpName]: Computed<K> } = {
  neg: exact('neg'),
  abs: exact('abs'),
  exp: unary((adversary, x) => adversary.exponential(Math.exp(x))),
  log: unary((adversary, x) => adversary.logarithm(Math.log(x))),
  sqrt: unary((adversary, x) => adversary.round(Math.sqrt(x))),
  relu: exact('relu'),
  step: exact('step'),
  stopGradient: exact('stopGradient'),
  add: binary((adversary, a, b) => adversary.round(a + b)),
  sub: binary((adversary, a, b) => adversary.round(a - b)),
  mul: binary((adversary, a, b) => adversary.product(a * b)),
  div: binary((adversary, a, b) => adversary.product(a / b)),
  minimum: exact('minimum'),
  maximum: exact('maximum'),

  sum: (adversary, operands, { axes }, shape) => grouped(adversary, operand(operands, 0), axes, shape),
  broadcastTo: exact('broadcastTo'),
  reshape: exact('reshape'),
  transpose: exact('transpose'),
  slice: exact('slice'),
  pad: exact('pad'),
  oneHot: exact('oneHot'),

  matmul: (adversary, operands, { transposeA, transposeB }, shape) => {
    const [a, b] = pair(operands);
    const [m = 1, n = 1] = shape.slice(-2);
    const k = a.data.length / (sizeOf(shape) / n);
    return ndarray(
      shape,
      Array.from({ length: sizeOf(shape) }, (_, index) => {
        const [matrix, i, j] = [Math.floor(index / (m * n)), Math.floor(index / n) % m, index % n];
        const terms = Array.from({ length: k }, (_, l) => {
          const left = at(a, matrix * m * k + (transposeA ? l * m + i : i * k + l));
          return adversary.product(left * at(b, matrix * k * n + (transposeB ? j * k + l : l * n + j)));
        });
        return adversary.sum(terms);
      }),
    );
  },
  conv2d: (adversary, operands, attributes, shape) => {
    const [x, w] = pair(operands);
    return convolved(adversary, geometryOfForward(typeOf(x), typeOf(w), attributes), 'delta', [x, w], shape);
  },
  conv2dInputGrad: (adversary, operands, attributes, shape) => {
    const [delta, w] = pair(operands);
    const geometry = geometryOfInputGrad(typeOf(delta), typeOf(w), attributes);
    return convolved(adversary, geometry, 'input', [delta, w], shape);
  },
  conv2dWeightGrad: (adversary, operands, attributes, shape) => {
    const [x, delta] = pair(operands);
    const geometry = geometryOfWeightGrad(typeOf(x), typeOf(delta), attributes);
    return convolved(adversary, geometry, 'weight', [x, delta], shape);
  },
  sumPool: (adversary, operands, attributes, shape) => {
    const x = operand(operands, 0);
    const sums = new Sums(sizeOf(shape));
    forEachWindow(x.shape, attributes, (output, input) => sums.put(output, at(x, input)));
    return sums.added(adversary, shape);
  },
  sumPoolGrad: (adversary, operands, attributes, shape) => {
    const sums = new Sums(sizeOf(shape));
    forEachWindow(shape, attributes, (output, input) => sums.put(input, at(operands[0], output)));
    return sums.added(adversary, shape);
  },
  maxPool: exact('maxPool'),
  maxPoolRoute: (adversary, operands, attributes, shape) => {
    const [x, delta] = pair(operands);
    const sums = new Sums(sizeOf(shape));
    winners(x, attributes).forEach((winner, output) => {
      sums.put(winner, at(delta, output));
    });
    return sums.added(adversary, shape);
  },
  maxPoolPick: exact('maxPoolPick'),

  variance: (adversary, operands, { axes }, shape) => ({
    shape,
    data: moments(adversary, operand(operands, 0), axes).variance,
  }),
  standardize: (adversary, operands, { axes, epsilon }, shape) => {
    const { group, deviations, variance } = moments(adversary, operand(operands, 0), axes);
    const least = adversary.round(epsilon);
    const sigma = variance.map((v) => adversary.round(Math.sqrt(adversary.round(v + least))));
    return {
      shape,
      data: deviations.map((d, i) => adversary.product(d / (sigma[group[i] ?? 0] ?? 1))),
    };
  },
  softmax: (adversary, operands, _, shape) =>
    ndarray(
      shape,
      rows(operand(operands, 0), (logits) => {
        const { powers, total } = shiftedPowers(adversary, logits);
        return powers.map((power) => adversary.product(power / total));
      }),
    ),
  softmaxCrossEntropy: (adversary, operands, _, shape) => {
    const [logits, target] = pair(operands);
    const width = logits.shape.at(-1) ?? 1;
    return ndarray(
      shape,
      rows(logits, (z, r) => {
        const { shifted, total } = shiftedPowers(adversary, z);
        const log = adversary.logarithm(Math.log(total));
        const terms = shifted.map((t, k) =>
          adversary.product(at(target, r * width + k) * adversary.round(t - log)),
        );
        return [-adversary.sum(terms)];
      }),
    );
  },

  adamDirection: (adversary, operands, { epsilon }, shape) => {
    const least = adversary.round(epsilon);
    const data = operand(operands, 0).data.map((m, i) => {
      const first = adversary.product(m * at(operands[2], 0));
      const second = adversary.product(at(operands[1], i) * at(operands[3], 0));
      return adversary.product(first / adversary.round(adversary.round(Math.sqrt(second)) + least));
    });
    return { shape, data };
  },

  quantScale: (adversary, operands, { element, axes, kind }, shape) => {
    const x = operand(operands, 0);
    const group = groupPositions(x.shape, axes);
    const most = new Float64Array(sizeOf(shape));
    x.data.forEach((value, i) => {
      most[group[i] ?? 0] = Math.max(most[group[i] ?? 0] ?? 0, Math.abs(value));
    });
    const data = most.map((absmax) => {
      if (absmax === 0) return 1;
      // A quotient that is a power of two is a float32 number, and rounding to nearest keeps it.
      const quotient = absmax / gridMax(element);
      const rounded = isPowerOfTwo(quotient) ? quotient : over(adversary, absmax, gridMax(element));
      const scale = Math.max(rounded, MIN_SCALE);
      const below = binade(scale);
      return kind === 'absmax' ? scale : Math.min(below === scale ? below : 2 * below, MAX_SCALE);
    });
    return { shape, data };
  },
  quantize: (adversary, operands, { element }) =>
    scaled(adversary, operands, (v, scale) => back(adversary, quantizeValue(v, 1, element), scale)),
  quantizeStochastic: (adversary, operands, { element }) =>
    scaled(adversary, operands, (v, scale, i) => {
      // The sum with the noise is rounded too: 5 + (1 − 2⁻²⁴) is 6 in float32.
      const codes = element.kind === 'int' ? v : v / floatStep(v, element);
      const noise = adversary.round(codes + adversary.draw(at(operands[2], i))) - codes;
      return back(adversary, quantizeStochasticValue(v, 1, noise, element), scale);
    }),
  dequantize: binary((adversary, a, b) => adversary.product(a * b)),
  quantizeMask: (adversary, operands, { element }) =>
    scaled(adversary, operands, (v) => Number(staysOnGrid(v, 1, element))),
  quantizeCotangent: exact('quantizeCotangent'),
  uniform: exact('uniform'),
  normal: exact('normal'),
};

/** One op at computed operands. */
export function computedOp<K extends OpName>(
  node: OpNode<K>,
  operands: readonly NdArray[],
  adversary: Adversary,
): NdArray {
  return COMPUTED[node.op](adversary, operands, node.attributes, node.type.shape);
}

/** A constant as a program holds it: the nearest float32 of each number. */
export function computedConstant(node: Extract<Node, { kind: 'constant' }>): NdArray {
  const size = sizeOf(node.type.shape);
  const data = Array.from({ length: size }, (_, i) => node.data[node.data.length === 1 ? 0 : i] ?? 0);
  return ndarray(node.type.shape, data.map(Math.fround));
}
