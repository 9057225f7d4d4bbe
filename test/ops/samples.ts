import type { DType } from '../../compiler/ir/graph.ts';
import type { NdArray } from '../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import {
  awayFromZero,
  type Draw,
  distributions,
  exactly,
  integers,
  noise,
  positive,
  real,
  spaced,
} from '../support/draws.ts';

/** One operand of a sample and how its elements are drawn. */
export interface SampleOperand {
  readonly shape: readonly number[];
  readonly draw: Draw;
  readonly dtype?: DType;
  /** Rows are distributions: derivatives are those along changes that sum to 0 in each row. */
  readonly simplex?: boolean;
}

/** Operands and attributes at which an op is smooth, away from its kinks by 1/20 or more. */
export interface Sample<K extends OpName> {
  readonly title: string;
  readonly operands: readonly SampleOperand[];
  readonly attributes: OpAttributes[K];
  /** How the test's cotangent of the result is drawn; `real` if absent. */
  readonly cotangent?: Draw;
  /** The function whose derivative the op declares to be its own, where that is not the op itself. */
  readonly surrogate?: (operands: readonly NdArray[]) => NdArray;
}

export interface OpSamples<K extends OpName> {
  /** The operands to which a cotangent flows. */
  readonly flows: readonly number[];
  /** The operands in each of which the op is linear while the others are held. */
  readonly linear: readonly number[];
  readonly samples: readonly Sample<K>[];
}

function tensor(shape: readonly number[], draw: Draw = real): SampleOperand {
  return { shape, draw };
}

/** Samples of an op of one operand. */
function unary<
  K extends 'neg' | 'abs' | 'exp' | 'log' | 'sqrt' | 'relu' | 'step' | 'stopGradient' | 'softmax',
>(draw: Draw): readonly Sample<K>[];
function unary(draw: Draw) {
  const shapes = [[], [5], [2, 3, 2]];
  return shapes.map((shape) => ({
    title: `[${shape}]`,
    operands: [tensor(shape, draw)],
    attributes: {},
  }));
}

/** Samples of a broadcasting op of two operands. */
function binary<K extends 'add' | 'sub' | 'mul' | 'div' | 'minimum' | 'maximum'>(
  first: Draw,
  second: Draw,
): readonly Sample<K>[];
function binary(first: Draw, second: Draw) {
  const shapes = [
    [
      [3, 2],
      [3, 2],
    ],
    [[2, 3], []],
    [
      [2, 3, 2],
      [3, 1],
    ],
    [[4], [2, 3, 1]],
  ] as const;
  return shapes.map(([a, b]) => ({
    title: `[${a}] with [${b}]`,
    operands: [tensor(a, first), tensor(b, second)],
    attributes: {},
  }));
}

/** `x` limited to `[low, high]`: the surrogate of rounding onto a grid between them. */
function clamp(low: number, high: number): (operands: readonly NdArray[]) => NdArray {
  return ([x]) => {
    const { shape, data } = x ?? failed();
    return { shape, data: data.map((v) => Math.min(Math.max(v, low), high)) };
  };
}

function failed(): never {
  throw new Error('no operand');
}

const E4M3 = { kind: 'float', exponent: 4, mantissa: 3, specials: 'fn' } as const;
const INT4 = { kind: 'int', bits: 4, signed: true, narrow: true } as const;

/** Every op with operands to try it on. A new op without samples does not compile. */
export const SAMPLES: { readonly [K in OpName]: OpSamples<K> } = {
  neg: { flows: [0], linear: [0], samples: unary(real) },
  abs: { flows: [0], linear: [], samples: unary(awayFromZero) },
  exp: { flows: [0], linear: [], samples: unary(real) },
  log: { flows: [0], linear: [], samples: unary(positive) },
  sqrt: { flows: [0], linear: [], samples: unary(positive) },
  relu: { flows: [0], linear: [], samples: unary(awayFromZero) },
  step: { flows: [], linear: [], samples: unary(awayFromZero) },
  stopGradient: { flows: [], linear: [0], samples: unary(real) },
  add: { flows: [0, 1], linear: [], samples: binary(real, real) },
  sub: { flows: [0, 1], linear: [], samples: binary(real, real) },
  mul: { flows: [0, 1], linear: [0, 1], samples: binary(real, real) },
  div: { flows: [0, 1], linear: [0], samples: binary(real, awayFromZero) },
  minimum: { flows: [0, 1], linear: [], samples: binary(spaced(0), spaced(0.5)) },
  maximum: { flows: [0, 1], linear: [], samples: binary(spaced(0), spaced(0.5)) },

  sum: {
    flows: [0],
    linear: [0],
    samples: [
      { title: 'to a scalar', operands: [tensor([3, 2])], attributes: { axes: [0, 1], keepDims: false } },
      {
        title: 'over the first and last axis',
        operands: [tensor([2, 3, 4])],
        attributes: { axes: [0, 2], keepDims: false },
      },
      {
        title: 'with the axes kept',
        operands: [tensor([2, 3, 4])],
        attributes: { axes: [0, 2], keepDims: true },
      },
    ],
  },
  broadcastTo: {
    flows: [0],
    linear: [0],
    samples: [
      { title: 'a scalar', operands: [tensor([])], attributes: { shape: [2, 3] } },
      { title: 'inner and leading axes', operands: [tensor([3, 1])], attributes: { shape: [2, 3, 4] } },
      { title: 'axes of size 1 that stay', operands: [tensor([1, 3])], attributes: { shape: [2, 1, 3] } },
    ],
  },
  reshape: {
    flows: [0],
    linear: [0],
    samples: [
      { title: 'flatten', operands: [tensor([2, 3, 2])], attributes: { shape: [2, 6] } },
      { title: 'to a scalar', operands: [tensor([1, 1])], attributes: { shape: [] } },
      { title: 'with another first axis', operands: [tensor([2, 6])], attributes: { shape: [4, 3] } },
    ],
  },
  transpose: {
    flows: [0],
    linear: [0],
    samples: [
      { title: 'a matrix', operands: [tensor([2, 3])], attributes: { permutation: [1, 0] } },
      { title: 'a cycle of axes', operands: [tensor([2, 3, 4])], attributes: { permutation: [2, 0, 1] } },
      { title: 'four axes', operands: [tensor([2, 3, 1, 2])], attributes: { permutation: [3, 1, 0, 2] } },
    ],
  },
  slice: {
    flows: [0],
    linear: [0],
    samples: [
      { title: 'one axis', operands: [tensor([2, 5])], attributes: { starts: [0, 1], ends: [2, 4] } },
      { title: 'every axis', operands: [tensor([3, 4])], attributes: { starts: [1, 2], ends: [3, 3] } },
      { title: 'everything', operands: [tensor([2, 2])], attributes: { starts: [0, 0], ends: [2, 2] } },
    ],
  },
  pad: {
    flows: [0],
    linear: [0],
    samples: [
      { title: 'one axis', operands: [tensor([2, 3])], attributes: { before: [0, 1], after: [0, 2] } },
      {
        title: 'every axis',
        operands: [tensor([1, 2, 2])],
        attributes: { before: [1, 0, 2], after: [0, 1, 1] },
      },
    ],
  },
  oneHot: {
    flows: [],
    linear: [],
    samples: [
      {
        title: 'labels',
        operands: [{ shape: [6], draw: integers(0, 3), dtype: 'i32' }],
        attributes: { depth: 4 },
      },
      {
        title: 'a table of labels',
        operands: [{ shape: [2, 2], draw: integers(0, 2), dtype: 'i32' }],
        attributes: { depth: 3 },
      },
    ],
  },

  variance: {
    flows: [0],
    linear: [],
    samples: [
      { title: 'per channel', operands: [tensor([3, 2, 2, 2])], attributes: { axes: [0, 2, 3] } },
      { title: 'of everything', operands: [tensor([2, 3])], attributes: { axes: [0, 1] } },
    ],
  },
  standardize: {
    flows: [0],
    linear: [],
    samples: [
      {
        title: 'per channel',
        operands: [tensor([3, 2, 2, 2])],
        attributes: { axes: [0, 2, 3], epsilon: 1e-3 },
      },
      {
        title: 'per row, large epsilon',
        operands: [tensor([3, 4])],
        attributes: { axes: [1], epsilon: 0.5 },
      },
    ],
  },
  softmax: {
    flows: [0],
    linear: [],
    samples: [
      { title: 'a vector', operands: [tensor([4])], attributes: {} },
      { title: 'rows', operands: [tensor([2, 2, 3])], attributes: {} },
    ],
  },
  softmaxCrossEntropy: {
    flows: [0, 1],
    linear: [1],
    samples: [
      {
        title: 'distributions',
        operands: [tensor([3, 4]), { shape: [3, 4], draw: distributions(4), simplex: true }],
        attributes: {},
      },
      {
        title: 'one-hot rows',
        operands: [tensor([2, 3]), { shape: [2, 3], draw: exactly(0, 1, 0, 1, 0, 0), simplex: true }],
        attributes: {},
      },
    ],
  },

  matmul: {
    flows: [0, 1],
    linear: [0, 1],
    samples: [
      {
        title: 'matrices',
        operands: [tensor([2, 3]), tensor([3, 4])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        title: 'a transposed',
        operands: [tensor([3, 2]), tensor([3, 4])],
        attributes: { transposeA: true, transposeB: false },
      },
      {
        title: 'b transposed',
        operands: [tensor([2, 3]), tensor([4, 3])],
        attributes: { transposeA: false, transposeB: true },
      },
      {
        title: 'both transposed',
        operands: [tensor([3, 2]), tensor([4, 3])],
        attributes: { transposeA: true, transposeB: true },
      },
      {
        title: 'batches',
        operands: [tensor([2, 2, 3]), tensor([2, 3, 2])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        title: 'batches, both transposed',
        operands: [tensor([2, 2, 3, 2]), tensor([2, 2, 4, 3])],
        attributes: { transposeA: true, transposeB: true },
      },
    ],
  },
  conv2d: {
    flows: [0, 1],
    linear: [0, 1],
    samples: [
      {
        title: 'no padding',
        operands: [tensor([2, 2, 4, 5]), tensor([3, 2, 3, 2])],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0] },
      },
      {
        title: 'stride and uneven padding',
        operands: [tensor([1, 2, 5, 4]), tensor([2, 2, 3, 3])],
        attributes: { strides: [2, 2], pads: [0, 1, 1, 0] },
      },
      {
        title: 'a projection of every other pixel',
        operands: [tensor([2, 3, 5, 4]), tensor([2, 3, 1, 1])],
        attributes: { strides: [2, 2], pads: [0, 0, 0, 0] },
      },
      {
        title: 'pads wider than the kernel',
        operands: [tensor([1, 1, 3, 2]), tensor([2, 1, 2, 1])],
        attributes: { strides: [1, 1], pads: [2, 1, 0, 2] },
      },
    ],
  },
  conv2dInputGrad: {
    flows: [0, 1],
    linear: [0, 1],
    samples: [
      {
        title: 'no padding',
        operands: [tensor([2, 3, 2, 4]), tensor([3, 2, 3, 2])],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0], inputSize: [4, 5] },
      },
      {
        title: 'stride and uneven padding',
        operands: [tensor([1, 2, 2, 2]), tensor([2, 2, 3, 3])],
        attributes: { strides: [2, 2], pads: [0, 1, 1, 0], inputSize: [5, 4] },
      },
      {
        title: 'the last pixels are not read',
        operands: [tensor([2, 2, 2, 2]), tensor([2, 3, 1, 1])],
        attributes: { strides: [2, 2], pads: [0, 0, 0, 0], inputSize: [4, 4] },
      },
      {
        title: 'pads wider than the kernel',
        operands: [tensor([1, 2, 4, 5]), tensor([2, 1, 2, 1])],
        attributes: { strides: [1, 1], pads: [2, 1, 0, 2], inputSize: [3, 2] },
      },
    ],
  },
  conv2dWeightGrad: {
    flows: [0, 1],
    linear: [0, 1],
    samples: [
      {
        title: 'no padding',
        operands: [tensor([2, 2, 4, 5]), tensor([2, 3, 2, 4])],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0], kernel: [3, 2] },
      },
      {
        title: 'stride and uneven padding',
        operands: [tensor([1, 2, 5, 4]), tensor([1, 2, 2, 2])],
        attributes: { strides: [2, 2], pads: [0, 1, 1, 0], kernel: [3, 3] },
      },
      {
        title: 'the last pixels are not read',
        operands: [tensor([2, 3, 4, 4]), tensor([2, 2, 2, 2])],
        attributes: { strides: [2, 2], pads: [0, 0, 0, 0], kernel: [1, 1] },
      },
    ],
  },
  sumPool: {
    flows: [0],
    linear: [0],
    samples: [
      {
        title: 'tiles',
        operands: [tensor([2, 2, 4, 4])],
        attributes: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
      },
      {
        title: 'overlapping, padded',
        operands: [tensor([1, 2, 5, 4])],
        attributes: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] },
      },
      {
        title: 'windows apart',
        operands: [tensor([1, 2, 6, 5])],
        attributes: { kernel: [1, 2], strides: [2, 3], pads: [0, 1, 0, 0] },
      },
    ],
  },
  sumPoolGrad: {
    flows: [0],
    linear: [0],
    samples: [
      {
        title: 'tiles',
        operands: [tensor([2, 2, 2, 2])],
        attributes: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], inputSize: [4, 4] },
      },
      {
        title: 'overlapping, padded',
        operands: [tensor([1, 2, 3, 4])],
        attributes: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1], inputSize: [5, 4] },
      },
      {
        title: 'windows apart',
        operands: [tensor([1, 2, 3, 2])],
        attributes: { kernel: [1, 2], strides: [2, 3], pads: [0, 1, 0, 0], inputSize: [6, 5] },
      },
    ],
  },
  maxPool: {
    flows: [0],
    linear: [],
    samples: [
      {
        title: 'tiles',
        operands: [tensor([2, 2, 4, 4], spaced())],
        attributes: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
      },
      {
        title: 'overlapping, padded',
        operands: [tensor([1, 2, 5, 4], spaced())],
        attributes: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] },
      },
      {
        title: 'windows apart',
        operands: [tensor([1, 2, 6, 5], spaced())],
        attributes: { kernel: [1, 2], strides: [2, 3], pads: [0, 1, 0, 0] },
      },
    ],
  },
  maxPoolRoute: {
    flows: [1],
    linear: [1],
    samples: [
      {
        title: 'tiles',
        operands: [tensor([2, 2, 4, 4], spaced()), tensor([2, 2, 2, 2])],
        attributes: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
      },
      {
        title: 'overlapping, padded',
        operands: [tensor([1, 2, 5, 4], spaced()), tensor([1, 2, 3, 4])],
        attributes: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] },
      },
      {
        title: 'windows apart',
        operands: [tensor([1, 2, 6, 5], spaced()), tensor([1, 2, 3, 2])],
        attributes: { kernel: [1, 2], strides: [2, 3], pads: [0, 1, 0, 0] },
      },
    ],
  },
  maxPoolPick: {
    flows: [1],
    linear: [1],
    samples: [
      {
        title: 'tiles',
        operands: [tensor([2, 2, 4, 4], spaced()), tensor([2, 2, 4, 4])],
        attributes: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
      },
      {
        title: 'overlapping, padded',
        operands: [tensor([1, 2, 5, 4], spaced()), tensor([1, 2, 5, 4])],
        attributes: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] },
      },
      {
        title: 'windows apart',
        operands: [tensor([1, 2, 6, 5], spaced()), tensor([1, 2, 6, 5])],
        attributes: { kernel: [1, 2], strides: [2, 3], pads: [0, 1, 0, 0] },
      },
    ],
  },

  adamDirection: {
    flows: [0, 1, 2, 3],
    linear: [0],
    samples: [
      {
        title: 'of a matrix',
        operands: [tensor([3, 2]), tensor([3, 2], positive), tensor([], positive), tensor([], positive)],
        attributes: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, exactState: true },
      },
      {
        title: 'of a scalar, with a large epsilon',
        operands: [tensor([]), tensor([], positive), tensor([], positive), tensor([], positive)],
        attributes: { beta1: 0.9, beta2: 0.99, epsilon: 0.5, exactState: false },
      },
    ],
  },

  quantScale: {
    flows: [],
    linear: [],
    samples: [
      {
        title: 'per tensor',
        operands: [tensor([2, 3])],
        attributes: { element: INT4, axes: [0, 1], kind: 'absmax' },
      },
      {
        title: 'per channel',
        operands: [tensor([2, 3])],
        attributes: { element: INT4, axes: [1], kind: 'power_of_two' },
      },
      {
        title: 'of a float element',
        operands: [tensor([2, 3])],
        attributes: { element: E4M3, axes: [0, 1], kind: 'absmax' },
      },
    ],
  },
  // A code saturates beyond ±7.5 steps; at a step of 1/4 that is at ±1.875, where the surrogate becomes constant.
  quantize: {
    flows: [0],
    linear: [],
    samples: [
      {
        title: 'with saturation',
        operands: [tensor([7], exactly(-2.4, -1.7, -0.4, 0.05, 0.9, 1.8, 2.2)), tensor([], exactly(0.25))],
        attributes: { element: INT4 },
        surrogate: clamp(-1.875, 1.875),
      },
      {
        title: 'on a float grid with a scale for each row',
        operands: [
          tensor([2, 4], exactly(-3, -0.3, 0.05, 1.4, 2.9, -0.7, 0.01, 0.33)),
          tensor([2, 1], exactly(0.25, 0.5)),
        ],
        attributes: { element: E4M3 },
        surrogate: ([x]) => x ?? failed(),
      },
    ],
  },
  quantizeStochastic: {
    flows: [0],
    linear: [],
    samples: [
      {
        title: 'without saturation',
        operands: [
          tensor([5], exactly(-1.7, -0.4, 0.05, 0.9, 1.6)),
          tensor([], exactly(0.25)),
          tensor([5], noise),
        ],
        attributes: { element: INT4 },
        surrogate: clamp(-1.875, 1.875),
      },
      {
        title: 'on a float grid',
        operands: [
          tensor([5], exactly(-1.7, -0.4, 0.05, 0.9, 1.6)),
          tensor([1], exactly(0.25)),
          tensor([5], noise),
        ],
        attributes: { element: E4M3 },
        surrogate: ([x]) => x ?? failed(),
      },
    ],
  },
  quantizeMask: {
    flows: [],
    linear: [],
    samples: [
      {
        title: 'with saturation',
        operands: [tensor([3], exactly(-2.4, 0.4, 2.2)), tensor([], exactly(0.25))],
        attributes: { element: INT4 },
      },
      {
        title: 'of a float element',
        operands: [tensor([4], exactly(-130, 0.4, 111, 120)), tensor([], exactly(0.25))],
        attributes: { element: E4M3 },
      },
    ],
  },
  // Cotangents that lie on the grid of step 1 pass unchanged.
  quantizeCotangent: {
    flows: [0],
    linear: [],
    samples: [
      {
        title: 'nearest',
        operands: [tensor([2, 3])],
        attributes: { element: INT4, axes: [0, 1], kind: 'absmax' },
        cotangent: exactly(7, -3, 2, 0, -7, 1),
      },
      {
        title: 'stochastic',
        operands: [tensor([2, 3])],
        attributes: { element: INT4, axes: [1], kind: 'power_of_two', stream: 'c1.grad' },
        cotangent: exactly(7, -3, 2, 0, -7, 1),
      },
      {
        title: 'without a scale',
        operands: [tensor([2, 3])],
        attributes: { element: E4M3, axes: [0, 1], kind: 'none' },
        cotangent: exactly(7, -3, 2, 0, -7, 0.125),
      },
    ],
  },
  dequantize: {
    flows: [0, 1],
    linear: [0, 1],
    samples: [
      {
        title: 'per channel',
        operands: [tensor([2, 3], integers(-7, 7)), tensor([2, 1], positive)],
        attributes: { element: INT4 },
      },
    ],
  },
  uniform: {
    flows: [],
    linear: [],
    samples: [{ title: 'a tensor', operands: [], attributes: { shape: [2, 3], stream: 'a' } }],
  },
  normal: {
    flows: [],
    linear: [],
    samples: [{ title: 'a tensor', operands: [], attributes: { shape: [2, 3], stream: 'a' } }],
  },
};
