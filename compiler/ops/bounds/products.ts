import type { BoundRules, RangeContext } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { convolutionNorm1, convolutionNorm2, convolutionNormInf } from '../../norms/convolution.ts';
import { matrix, shifted, toUnit } from '../../norms/matrix.ts';
import { mulUp, sqrtUp, sumUp } from '../../norms/outward.ts';
import { spectralNorm } from '../../norms/spectral.ts';
import { add, type Bound, max, min, multiply } from '../../numeric/bound.ts';
import type { Geometry } from '../convolution/geometry.ts';
import { geometryOfForward, geometryOfInputGrad, geometryOfWeightGrad } from '../convolution/geometry.ts';
import { windowOf, windowOverlap } from '../window.ts';
import { bilinear, type KnownGains } from './bilinear.ts';
import * as slopes from './slopes.ts';

/** Sums of positive and of negative entries, and 2-norms, of every set of entries that one result reads. */
interface Readings {
  readonly exponent: number;
  readonly positive: Float64Array;
  readonly negative: Float64Array;
  readonly two: Float64Array;
}

/**
 * The readings of a tensor whose entries belong to groups of one size: rows or columns of a matrix, filters or channels of a kernel.
 */
function readingsOf(
  numbers: ArrayLike<number>,
  groups: number,
  groupOf: (index: number) => number,
): Readings {
  const unit = toUnit(numbers);
  const positive = new Float64Array(groups);
  const negative = new Float64Array(groups);
  const squares = new Float64Array(groups);
  const data = unit?.data ?? new Float64Array(numbers.length);
  const terms = numbers.length / groups;
  for (let i = 0; i < data.length; i++) {
    const x = data[i] ?? 0;
    const g = groupOf(i);
    if (x > 0) positive[g] = (positive[g] ?? 0) + x;
    else negative[g] = (negative[g] ?? 0) - x;
    squares[g] = (squares[g] ?? 0) + x * x;
  }
  const lost = unit?.lost ?? 0;
  const up = (sum: number): number => sumUp(sum, terms) + terms * lost;
  return {
    exponent: unit?.exponent ?? 0,
    positive: positive.map(up),
    negative: negative.map(up),
    two: squares.map((s) => sqrtUp(sumUp(mulUp(s, 1 + 2 ** -52), terms)) + sqrtUp(terms) * lost),
  };
}

function gainsOfReadings(readings: Readings, two: Bound): KnownGains {
  const { exponent, positive, negative } = readings;
  const rise = (x: number): Bound => shifted(x, exponent);
  let inf = 0;
  for (let g = 0; g < positive.length; g++) {
    inf = Math.max(inf, ((positive[g] ?? 0) + (negative[g] ?? 0)) * (1 + 2 ** -52));
  }
  const largest = (of: Float64Array): Bound => rise(of.reduce((a, b) => Math.max(a, b), 0));
  const [up, down] = [largest(positive), largest(negative)];
  return {
    inf: rise(inf),
    two,
    twoToInf: largest(readings.two),
    reach: (pos, neg) => {
      if (neg.mantissa === 0) return { pos: multiply(up, pos), neg: multiply(down, pos) };
      if (pos.mantissa === 0) return { pos: multiply(down, neg), neg: multiply(up, neg) };
      const whole = multiply(rise(inf), max(pos, neg));
      return {
        pos: min(add(multiply(up, pos), multiply(down, neg)), whole),
        neg: min(add(multiply(down, pos), multiply(up, neg)), whole),
      };
    },
  };
}

function sizes(shape: readonly number[]): readonly [number, number] {
  const [rows = 1, columns = 1] = shape.slice(-2);
  return [rows, columns];
}

/** Gains of a known matrix, of whose rows (`byRows`) or columns each result reads one. */
function matrixGains<K extends OpName>(context: RangeContext<K>, data: NdArray, byRows: boolean): KnownGains {
  const [rows, columns] = sizes(data.shape);
  const two = context.once(data, 'matrix norm', () => spectralNorm(matrix(rows, columns, data.data)));
  return context.once(data, byRows ? 'row gains' : 'column gains', () => {
    const readings = byRows
      ? readingsOf(data.data, rows, (index) => Math.floor(index / columns))
      : readingsOf(data.data, columns, (index) => index % columns);
    return gainsOfReadings(readings, two);
  });
}

/** `C = A·B`, either of them transposed: a result reads a row of A and a column of B. */
export const matmul: BoundRules<'matmul'> = {
  slopes: slopes.matmul,
  ...bilinear<'matmul'>({
    form: ({ operandTypes, attributes }) => {
      const [rows, columns] = sizes(operandTypes[0]?.shape ?? []);
      return { terms: attributes.transposeA ? rows : columns, overlap: 1 };
    },
    known: (context, i, tensor) => {
      if (tensor.shape.length !== 2) return undefined;
      const { transposeA, transposeB } = context.attributes;
      return matrixGains(context, tensor, i === 0 ? !transposeA : transposeB);
    },
  }),
};

/** Gains of a known kernel, in the forward direction or in that of the input's gradient. */
function kernelGains<K extends OpName>(
  context: RangeContext<K>,
  data: NdArray,
  geometry: Geometry,
  forward: boolean,
): KnownGains {
  const { filters, channels, kernel, input, window } = geometry;
  const shape = [filters, channels, ...kernel] as const;
  const key = `${input} ${window.strides} ${window.pads}`;
  const convolution = { kernel: data.data, shape, window: windowOf(window), inputSize: input };
  const two = context.once(data, `kernel norm ${key}`, () => convolutionNorm2(convolution));
  return context.once(data, `${forward ? 'filter' : 'channel'} gains ${key}`, () => {
    const taps = kernel[0] * kernel[1];
    const readings = forward
      ? readingsOf(data.data, filters, (index) => Math.floor(index / (channels * taps)))
      : readingsOf(data.data, channels, (index) => Math.floor(index / taps) % channels);
    const gains = gainsOfReadings(readings, two);
    return { ...gains, inf: forward ? convolutionNormInf(convolution) : convolutionNorm1(convolution) };
  });
}

function typesOf<K extends OpName>({ operandTypes }: RangeContext<K>) {
  const [a, b] = operandTypes;
  if (a === undefined || b === undefined) throw new Error('two operands are needed');
  return [a, b] as const;
}

/** One input enters at most `⌈k/s⌉` windows along each axis, and each of them with its own tap. */
function overlapOf({ kernel, window }: Geometry): number {
  return windowOverlap(kernel, window.strides);
}

export const conv2d: BoundRules<'conv2d'> = {
  slopes: slopes.conv2d,
  ...bilinear<'conv2d'>({
    form: (context) => {
      const geometry = geometryOfForward(...typesOf(context), context.attributes);
      return { terms: geometry.channels * sizeOf(geometry.kernel), overlap: overlapOf(geometry) };
    },
    known: (context, i, tensor) => {
      const geometry = geometryOfForward(...typesOf(context), context.attributes);
      return i === 1 ? kernelGains(context, tensor, geometry, true) : undefined;
    },
  }),
};

export const conv2dInputGrad = bilinear<'conv2dInputGrad'>({
  form: (context) => {
    const geometry = geometryOfInputGrad(...typesOf(context), context.attributes);
    return { terms: geometry.filters * overlapOf(geometry), overlap: overlapOf(geometry) };
  },
  known: (context, i, tensor) => {
    const geometry = geometryOfInputGrad(...typesOf(context), context.attributes);
    return i === 1 ? kernelGains(context, tensor, geometry, false) : undefined;
  },
});

/** For each tap the product of a matrix of shifted inputs with one of cotangents: `√overlap·‖x‖_F·‖δ‖_F` over all taps. */
export const conv2dWeightGrad = bilinear<'conv2dWeightGrad'>({
  form: (context) => {
    const geometry = geometryOfWeightGrad(...typesOf(context), context.attributes);
    return { terms: geometry.batch * sizeOf(geometry.output), overlap: overlapOf(geometry) };
  },
  known: () => undefined,
});
