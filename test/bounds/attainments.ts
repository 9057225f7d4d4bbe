import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import { fromNumber } from '../../compiler/numeric/bound.ts';
import {
  type Attainment,
  type Attainments,
  following,
  known,
  ONES,
  type Operand,
  rounded,
  type Term,
  x,
} from './attain.ts';

/*
 * Law 8: for each op and each term of its error rule, stored inputs that reach 0.6 of the term in each norm, unless the rule is coarse on
 * purpose. With law 4, which such inputs reach with a share above 1 where a coefficient is too small, they hold every coefficient in place.
 */

const E = 2 ** -10;
const away = (value: number) => ({ away: fromNumber(value) });
const positive = (value: number) => ({ away: fromNumber(value), nonNegative: true });
const cap = (value: number) => ({ cap: fromNumber(value) });

/** An op that passes each operand's error on as it is. */
function passed<K extends OpName>(
  attributes: OpAttributes[K],
  operand: Operand = x([4], [1, -2, 3, -4], 0.5),
): Attainments<K> {
  return { zero: ['local'], reached: [{ term: 'through 0', operands: [operand], attributes }] };
}

const INT8 = { kind: 'int', bits: 8, signed: true, narrow: true } as const;
const INT2 = { kind: 'int', bits: 2, signed: true, narrow: true } as const;
const UINT4 = { kind: 'int', bits: 4, signed: false, narrow: false } as const;
const E4M3 = { kind: 'float', exponent: 4, mantissa: 3, specials: 'fn' } as const;
const E3M0 = { kind: 'float', exponent: 3, mantissa: 0, specials: 'none' } as const;
const FP16 = { kind: 'float', exponent: 5, mantissa: 10, specials: 'ieee' } as const;
const BF16 = { kind: 'float', exponent: 8, mantissa: 7, specials: 'ieee' } as const;

const E2M0 = { kind: 'float', exponent: 2, mantissa: 0, specials: 'none' } as const;
const E5M22 = { kind: 'float', exponent: 5, mantissa: 22, specials: 'fn' } as const;
const INT16 = { kind: 'int', bits: 16, signed: true, narrow: true } as const;

const TINY = 2 ** -75;

/** A sum or difference. */
function additive<K extends 'add' | 'sub'>(sign: 1 | -1): Attainments<K> {
  const attributes = {} as OpAttributes[K];
  return {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x([4], 0, 0.5), x([], 0)], attributes },
      { term: 'through 1', operands: [x([4], 0), x([], 0, 0.5)], attributes },
      { term: 'through 0', operands: [x([2, 1], 0, 0.5), x([3], 0)], attributes },
      {
        term: 'through 0',
        operands: [x([2], 1, 1), x([2, 2], 0)],
        attributes,
        coarse: { reached: 0.5, why: 'the result is rounded by as much' },
      },
      { term: 'local', operands: [x([4], 1), x([4], sign)], attributes, direction: 'up' },
      // A sum that underflows is exact: nothing is lost but the relative rounding of the model.
      { term: 'local', operands: [x([4], 2 ** -140), x([4], sign * 2 ** -140)], attributes, direction: 'up' },
      {
        term: 'local',
        operands: [x([4], 1, 1), x([4], sign, sign)],
        attributes,
        direction: 'up',
        coarse: { reached: -1e9, why: 'the errors that pass are larger: only that the bound holds' },
      },
    ],
  };
}

function multiplicative<K extends 'mul' | 'dequantize'>(attributes: OpAttributes[K]): Attainments<K> {
  return {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x([4], 0, E), x([4], -3)], attributes },
      { term: 'through 0', operands: [x([4], 0, E), x([1], -3)], attributes },
      { term: 'through 0', operands: [x([4], 0, E), x([4], 3)], attributes },
      { term: 'through 1', operands: [x([4], -3), x([4], 0, E)], attributes },
      { term: 'through 1', operands: [x([4], 3), x([1], 0, E)], attributes },
      // The second operand has a cap, so that the first one's error meets its computed values.
      { term: 'through 0', operands: [x([4], 0, 0.5), x([4], 3, 0, cap(3))], attributes },
      { term: 'through 1', operands: [x([4], 3), x([4], 0, 0.5, cap(0.5))], attributes },
      { term: 'local', operands: [x([4], 3), x([4], 5)], attributes, direction: 'up' },
      { term: 'local', operands: [x([4], 3), x([4], -5)], attributes, direction: 'up' },
      { term: 'local', operands: [x([4], TINY), x([4], TINY)], attributes, direction: 'toward' },
    ],
  };
}

/** Reductions and pools: errors that add up, and a sum of four that is monotone. */
function summed<K extends 'sum' | 'sumPool' | 'sumPoolGrad'>(
  shape: readonly number[],
  attributes: OpAttributes[K],
): Attainments<K> {
  return {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x(shape, 0, E)], attributes },
      { term: 'local', operands: [x(shape, 1)], attributes, direction: 'up' },
      { term: 'local', operands: [x(shape, -1)], attributes, direction: 'up' },
      {
        term: 'local',
        operands: [x(shape, 0, -1)],
        attributes,
        direction: 'down',
        coarse: { reached: -1e9, why: 'only that the bound holds' },
      },
    ],
  };
}

/** Products of matrices: `1 × 2` by `2 × 2`, whose roundings are all monotone. */
interface Shapes<K extends OpName> {
  readonly attributes: OpAttributes[K];
  readonly a: readonly number[];
  readonly b: readonly number[];
}

function bilinear<K extends 'matmul' | 'conv2d' | 'conv2dInputGrad' | 'conv2dWeightGrad'>(
  shapes: Shapes<K>,
  knownSecond: boolean,
): readonly Attainment<K>[] {
  const { a, b, attributes } = shapes;
  const one = (length: readonly number[]): number => length.reduce((p, n) => p * n, 1);
  const first = (shape: readonly number[]) => Array.from({ length: one(shape) }, (_, i) => (i === 0 ? 1 : 0));
  const reached: Attainment<K>[] = [
    { term: 'through 0', norm: 'inf', operands: [x(a, 0, E), x(b, 3)], attributes },
    { term: 'through 1', norm: 'inf', operands: [x(a, 3), x(b, 0, E)], attributes },
    {
      term: 'through 0',
      norm: 'two',
      operands: [
        x(
          a,
          0,
          first(a).map((v) => v * E),
        ),
        x(b, first(b)),
      ],
      attributes,
    },
    {
      term: 'through 1',
      norm: 'two',
      operands: [
        x(a, first(a)),
        x(
          b,
          0,
          first(b).map((v) => v * E),
        ),
      ],
      attributes,
    },
    { term: 'local', operands: [x(a, 1), x(b, 1)], attributes, direction: 'up' },
    { term: 'local', norm: 'inf', operands: [x(a, TINY), x(b, TINY)], attributes, direction: 'toward' },
  ];
  if (knownSecond) {
    reached.push(
      { term: 'through 0', norm: 'inf', operands: [x(a, 0, E), known(b, 3)], attributes },
      { term: 'through 0', norm: 'two', operands: [x(a, 0, E), known(b, 3)], attributes },
    );
  }
  return reached;
}

const POOL_TILES = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] } as const;
const POOL_OVERLAP = { kernel: [1, 2], strides: [1, 1], pads: [0, 0, 0, 0] } as const;
const SHAPE_1114 = [1, 1, 2, 2];

/** A center that wins in both windows over it. */
const CENTER = [0, 1, 0];

function products<K extends 'matmul' | 'conv2d' | 'conv2dInputGrad' | 'conv2dWeightGrad'>(
  ...lists: readonly (readonly Attainment<K>[])[]
): Attainments<K> {
  return { zero: [], reached: lists.flat() };
}

const EPSILON = 1e-4;
const STANDARD = { axes: [0], epsilon: EPSILON };
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 0.25, exactState: false };
const unit = (value = 1, error = 0) => x([], value, error, away(value));

const COLUMN = [1, ...new Array<number>(20).fill(0.125)];
/** A coin that rounds the first of two powers up and the second down, and the quotient away. */
const SOFTMAX_COIN = 5;
const PLAIN = { transposeA: false, transposeB: false };

/** Products by weights that INT8 rounds: three tenths of a step off at most, and by half a step where a tie may go either way. */
const ROUNDED: readonly Attainment<'matmul'>[] = [
  { term: 'through 1', operands: [x([1, 2], [0, 1]), rounded([2, 1], [127, 0.3], INT8)], attributes: PLAIN },
  {
    term: 'through 1',
    operands: [x([1, 3], [0, 1, -1]), rounded([3, 1], [127, 0.3, -0.3], INT8)],
    attributes: PLAIN,
  },
  {
    term: 'through 1',
    operands: [x([2, 3], [0, 1, 1, 0, 1, -1]), rounded([3, 2], [127, 0, 0.3, 0.3, 0.3, -0.3], INT8)],
    attributes: PLAIN,
  },
  {
    term: 'through 1',
    norm: 'inf',
    operands: [x([1, 3], [0, 1, 0]), rounded([3, 2], [127, 0, 0.3, 0, 0, 0.3], INT8)],
    attributes: PLAIN,
  },
  {
    term: 'through 1',
    direction: 'up',
    operands: [x([1, 3], [0, 1, 1]), rounded([3, 2], [127, 0, 0.5, 1.5, 0.5, 0.5], INT8)],
    attributes: PLAIN,
    coarse: { reached: 0.2, why: 'a tie is charged beside the way that the reference takes' },
  },
];

export const ATTAINMENTS: { readonly [K in OpName]: Attainments<K> } = {
  neg: passed({}, x([4], [1, -0.5, 0.5, -1], [-0.5, 0, 0, 0.5], cap(1))),
  abs: passed({}, x([4], [1, 2, 3, 4], 0.5)),
  relu: passed({}, x([4], [1, 2, 3, 4], 0.5)),
  stopGradient: passed({}),
  step: {
    zero: ['local'],
    reached: [
      { term: 'through 0', operands: [x([4], 1, -2)], attributes: {} },
      { term: 'through 0', operands: [x([4], 0, 1e-30)], attributes: {} },
      { term: 'through 0', operands: [x([4], 1e-30, -1e-30)], attributes: {} },
    ],
  },
  exp: {
    zero: [],
    reached: [
      {
        term: 'through 0',
        operands: [x([4], -10, 40)],
        attributes: {},
        coarse: { reached: -1e9, why: 'the stairs are twice as far apart as the errors' },
      },
      { term: 'through 0', operands: [x([4], 2, 0.9)], attributes: {} },
      { term: 'through 0', operands: [x([4], 2, 1.99)], attributes: {} },
      { term: 'through 0', operands: [x([4], 2, 3.99)], attributes: {} },
      { term: 'local', operands: [x([4], 2)], attributes: {}, direction: 'up' },
    ],
  },
  log: {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x([4], 0.25, -1e-4, positive(0.2499))], attributes: {} },
      { term: 'local', operands: [x([4], 8, 0, positive(7))], attributes: {}, direction: 'up' },
      { term: 'local', operands: [x([4], 0.125, 0, positive(0.125))], attributes: {}, direction: 'up' },
    ],
  },
  sqrt: {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x([4], 1e-9, 1, positive(1e-9))], attributes: {} },
      { term: 'through 0', operands: [x([4], 0, 0.25, { nonNegative: true })], attributes: {} },
      { term: 'through 0', operands: [x([4], 1, -0.01, positive(0.99))], attributes: {} },
      { term: 'local', operands: [x([4], 2, 0, { nonNegative: true })], attributes: {}, direction: 'up' },
      { term: 'local', operands: [x([4], 2, 0, positive(2))], attributes: {}, direction: 'up' },
    ],
  },
  add: additive(1),
  sub: additive(-1),
  mul: multiplicative({}),
  div: {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x([4], 0, E), x([4], 0.25, 0, away(0.25))], attributes: {} },
      { term: 'through 0', operands: [x([4], 0, E), x([1], -0.25, 0, away(0.25))], attributes: {} },
      { term: 'through 1', operands: [x([4], 1), x([4], 0.25, -E, positive(0.25 - E))], attributes: {} },
      { term: 'through 1', operands: [x([4], 1), x([1], 0.25, -E, away(0.25 - E))], attributes: {} },
      { term: 'local', operands: [x([4], 3), x([4], 1, 0, away(1))], attributes: {}, direction: 'up' },
      {
        term: 'local',
        operands: [x([4], 2 ** -150), x([4], 1, 0, away(1))],
        attributes: {},
        direction: 'toward',
      },
    ],
  },
  minimum: {
    zero: ['local'],
    reached: [
      { term: 'through 0', operands: [x([4], 0, 0.5), x([4], 9)], attributes: {} },
      { term: 'through 1', operands: [x([4], 9), x([], 0, 0.5)], attributes: {} },
    ],
  },
  maximum: {
    zero: ['local'],
    reached: [
      { term: 'through 0', operands: [x([], 0, 0.5), x([4], -9)], attributes: {} },
      { term: 'through 1', operands: [x([4], -9), x([4], 0, 0.5)], attributes: {} },
    ],
  },
  sum: summed([3, 4], { axes: [1], keepDims: false }),
  broadcastTo: passed({ shape: [2, 4] }),
  reshape: passed({ shape: [2, 2] }),
  transpose: passed({ permutation: [0] }),
  slice: passed({ starts: [1], ends: [3] }, x([4], 0, [0, 0.5, 0.5, 0])),
  pad: passed({ before: [1], after: [0] }),
  oneHot: { zero: ['through 0', 'local'], reached: [] },
  quantizeCotangent: passed({ element: INT8, axes: [0], kind: 'absmax' }),
  uniform: { zero: ['local'], reached: [] },
  normal: { zero: ['local'], reached: [] },

  matmul: products(
    bilinear({ a: [1, 2], b: [2, 2], attributes: { transposeA: false, transposeB: false } }, true),
    bilinear({ a: [2, 1], b: [2, 2], attributes: { transposeA: true, transposeB: true } }, true),
    [
      // An error along a known column: its 2-norm says less than its sum.
      {
        term: 'through 0',
        norm: 'inf',
        operands: [
          x(
            [1, 21],
            0,
            COLUMN.map((v) => v * E),
          ),
          known(
            [21, 4],
            COLUMN.flatMap((v) => [v, v, v, v]),
          ),
        ],
        attributes: PLAIN,
      },
      // The rounding of a weight is known entry by entry: its sums, its norm, and what one result reads.
      ...ROUNDED,
      // Values far from their real ones, that a cap or the 2-norm holds.
      {
        term: 'through 1',
        norm: 'inf',
        operands: [x([1, 4], [1, 0, 0, 0], [0, 1, 0, 0]), x([4, 1], 0, [E, E, 0, 0])],
        attributes: PLAIN,
        coarse: { reached: 0.4, why: 'errors of both operands meet in one element' },
      },
      // A known row that is read by each result, and a known matrix whose norm its entries do not tell.
      {
        term: 'through 1',
        operands: [known([1, 2], [3, -3]), x([2, 2], 0, [E, E, -E, -E])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'through 1',
        operands: [known([2, 1], [3, -3]), x([2, 2], 0, [E, E, -E, -E])],
        attributes: { transposeA: true, transposeB: false },
      },
      {
        term: 'through 0',
        operands: [x([2, 2], 0, [E, 0, 0, E]), known([2, 2], [3, 0, 0, 3])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'through 1',
        operands: [known([2, 2], [3, 0, 0, 3]), x([2, 2], 0, [E, 0, 0, E])],
        attributes: { transposeA: false, transposeB: false },
      },
      // One large error: √terms times the 2-norm is below what its magnitude says.
      {
        term: 'through 0',
        norm: 'inf',
        operands: [x([1, 4], 0, [E, E, E, E]), x([4, 1], [1, 1, 1, 1])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'through 0',
        norm: 'inf',
        operands: [x([1, 4], 0, [E, 0, 0, 0]), x([4, 1], [1, 0, 0, 0])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'through 1',
        norm: 'inf',
        operands: [x([1, 4], [1, 0, 0, 0]), x([4, 1], 0, [E, 0, 0, 0])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'through 1',
        norm: 'inf',
        operands: [x([1, 2], 0, [1, 0]), x([2, 1], 0, [1, 0])],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'through 1',
        norm: 'inf',
        operands: [x([1, 2], 0, 1), x([2, 1], 0, 1)],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'through 1',
        norm: 'two',
        operands: [x([1, 2], 0, 1), x([2, 1], 0, 1)],
        attributes: { transposeA: false, transposeB: false },
      },
      {
        term: 'local',
        operands: [x([2, 2], [1, 0, 0, 0]), x([2, 2], [1, 0, 0, 0])],
        attributes: { transposeA: false, transposeB: false },
        direction: 'up',
      },
    ],
  ),
  conv2d: products(
    bilinear({ a: [1, 2, 1, 1], b: [2, 2, 1, 1], attributes: { strides: [1, 1], pads: [0, 0, 0, 0] } }, true),
    bilinear({ a: [1, 1, 1, 2], b: [1, 1, 1, 2], attributes: { strides: [1, 2], pads: [0, 0, 0, 0] } }, true),
    [
      // Every input enters two windows.
      {
        term: 'through 0',
        norm: 'two',
        operands: [x([1, 1, 1, 6], 0, E), x([1, 1, 1, 2], 1)],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0] },
      },
      {
        term: 'through 1',
        norm: 'two',
        operands: [x([1, 1, 1, 6], 1), x([1, 1, 1, 2], 0, E)],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0] },
      },
    ],
  ),
  conv2dInputGrad: products(
    bilinear(
      {
        a: [1, 2, 1, 1],
        b: [2, 2, 1, 1],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0], inputSize: [1, 1] },
      },
      true,
    ),
    [
      {
        term: 'through 0',
        norm: 'two',
        operands: [x([1, 1, 1, 5], 0, E), x([1, 1, 1, 2], 1)],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0], inputSize: [1, 6] },
      },
      {
        term: 'through 0',
        norm: 'inf',
        operands: [x([1, 1, 1, 5], 0, E), x([1, 1, 1, 2], 1)],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0], inputSize: [1, 6] },
      },
    ],
  ),
  conv2dWeightGrad: products(
    bilinear(
      {
        a: [2, 1, 1, 1],
        b: [2, 2, 1, 1],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0], kernel: [1, 1] },
      },
      false,
    ),
    [
      {
        term: 'through 0',
        norm: 'two',
        operands: [x([1, 1, 1, 6], 0, E), x([1, 1, 1, 5], 1)],
        attributes: { strides: [1, 1], pads: [0, 0, 0, 0], kernel: [1, 2] },
      },
    ],
  ),
  sumPool: summed(SHAPE_1114, POOL_TILES),
  sumPoolGrad: {
    zero: [],
    reached: [
      {
        term: 'through 0',
        norm: 'inf',
        operands: [x([1, 1, 1, 5], 0, E)],
        attributes: { ...POOL_OVERLAP, inputSize: [1, 6] },
      },
      {
        term: 'through 0',
        norm: 'two',
        operands: [x([1, 1, 1, 5], 0, E)],
        attributes: { ...POOL_OVERLAP, inputSize: [1, 6] },
      },
      {
        term: 'local',
        operands: [x([1, 1, 1, 5], 1)],
        attributes: { ...POOL_OVERLAP, inputSize: [1, 6] },
        direction: 'up',
      },
    ],
  },
  maxPool: {
    zero: ['local'],
    reached: [
      {
        term: 'through 0',
        operands: [x([1, 1, 2, 2], [1, 0, 0, 0], [0.5, 0, 0, 0])],
        attributes: POOL_TILES,
      },
      { term: 'through 0', operands: [x([1, 1, 1, 3], CENTER, [0, 0.5, 0])], attributes: POOL_OVERLAP },
    ],
  },
  maxPoolRoute: {
    zero: [],
    reached: [
      {
        term: 'through 0',
        operands: [x([1, 1, 2, 2], 0, [0, 1e-30, 0, 0]), x([1, 1, 1, 1], -3)],
        attributes: POOL_TILES,
      },
      {
        term: 'through 0',
        operands: [x([1, 1, 1, 3], [1, 0, 1], [0, 2, 0]), x([1, 1, 1, 2], 3)],
        attributes: POOL_OVERLAP,
      },
      { term: 'through 1', operands: [x([1, 1, 2, 2], 0), x([1, 1, 1, 1], 0, 0.5)], attributes: POOL_TILES },
      {
        term: 'through 1',
        operands: [x([1, 1, 1, 3], CENTER), x([1, 1, 1, 2], 0, 0.5)],
        attributes: POOL_OVERLAP,
      },
      {
        term: 'local',
        operands: [x([1, 1, 1, 3], CENTER), x([1, 1, 1, 2], 3)],
        attributes: POOL_OVERLAP,
        direction: 'up',
      },
    ],
  },
  maxPoolPick: {
    zero: ['local'],
    reached: [
      {
        term: 'through 0',
        operands: [x([1, 1, 2, 2], [0, 0, -1, -1], [0, 1, 0, 0]), x([1, 1, 2, 2], [3, -3, 0, 0])],
        attributes: POOL_TILES,
      },
      {
        term: 'through 0',
        norm: 'inf',
        operands: [x([1, 1, 2, 2], [0, 0, -1, -1], [0, 1, 0, 0]), x([1, 1, 2, 2], [3, 0, 0, 0])],
        attributes: POOL_TILES,
      },
      {
        term: 'through 0',
        norm: 'two',
        operands: [x([1, 1, 1, 3], [1, 0, 1], [0, 2, 0]), x([1, 1, 1, 3], [-3, 3, -3])],
        attributes: POOL_OVERLAP,
      },
      {
        term: 'through 1',
        operands: [x([1, 1, 2, 2], CENTER.concat(0)), x([1, 1, 2, 2], 0, [0, 0.5, 0, 0])],
        attributes: POOL_TILES,
      },
      {
        term: 'through 1',
        operands: [x([1, 1, 1, 3], CENTER), x([1, 1, 1, 3], 0, [0, 0.5, 0])],
        attributes: POOL_OVERLAP,
      },
    ],
  },

  variance: {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x([2], 0, [0.5, -0.5])], attributes: { axes: [0] } },
      { term: 'through 0', operands: [x([2], [3, -3], [E, -E])], attributes: { axes: [0] } },
      { term: 'through 0', operands: [x([2], [4, -2], [E, -E])], attributes: { axes: [0] } },
      { term: 'through 0', operands: [x([2, 2], [3, -3, 3, -3], [E, -E, E, -E])], attributes: { axes: [1] } },
      // The 2-norm is what bounds the deviation, and its error.
      { term: 'through 0', operands: [x([4], 0, [2, 0, 0, 0])], attributes: { axes: [0] } },
      { term: 'local', operands: [x([2], [1, -1])], attributes: { axes: [0] }, direction: 'away' },
      { term: 'local', operands: [x([2], [TINY, -TINY])], attributes: { axes: [0] }, direction: 'away' },
    ],
  },
  standardize: {
    zero: [],
    reached: [
      {
        term: 'through 0',
        operands: [x([2], 5, [E / 100, -E / 100])],
        attributes: { axes: [0], epsilon: 4 },
        coarse: { reached: -1e9, why: 'rounding of the mean is larger: only that the bound holds' },
      },
      {
        term: 'through 0',
        norm: 'two',
        operands: [x([2], 0, [E, -E])],
        attributes: { axes: [0], epsilon: 4 },
      },
      {
        term: 'through 0',
        norm: 'inf',
        operands: [x([2], 0, [E, -E])],
        attributes: { axes: [0], epsilon: 4 },
      },
      {
        term: 'through 0',
        norm: 'inf',
        operands: [x([4], 0, [E, -E, -E, -E])],
        attributes: { axes: [0], epsilon: 4 },
      },
      {
        term: 'local',
        operands: [x([4], 1)],
        attributes: STANDARD,
        direction: 'up',
        coarse: {
          reached: 0.06,
          why: 'a drifting mean is charged for an element that deviates by √n deviations at the same time',
        },
      },
      {
        term: 'local',
        operands: [x([2], [2 ** -149, -(2 ** -149)])],
        attributes: { axes: [0], epsilon: 1 },
        direction: 'toward',
        coarse: { reached: 0.1, why: 'an underflowing mean and quotient are charged together' },
      },
    ],
  },
  softmax: {
    zero: [],
    reached: [
      { term: 'local', operands: [x([2], 0)], attributes: {}, direction: 'coin', seed: SOFTMAX_COIN },
      {
        term: 'local',
        operands: [
          x([2, 40], [100, ...new Array<number>(39).fill(0), 100, ...new Array<number>(39).fill(0)]),
        ],
        attributes: {},
        direction: 'down',
      },
      { term: 'through 0', operands: [x([2], 0, [E, -E])], attributes: {} },
      { term: 'through 0', operands: [x([1, 2], [-50, 50], [100, -100])], attributes: {} },
      {
        term: 'local',
        operands: [x([40], [100, ...new Array<number>(39).fill(0)])],
        attributes: {},
        direction: 'up',
      },
    ],
  },
  softmaxCrossEntropy: {
    zero: [],
    reached: [
      { term: 'through 0', operands: [x([1, 2], [30, 0], [E, -E]), x([1, 2], [0, 1])], attributes: {} },
      {
        term: 'through 1',
        operands: [x([1, 8], [80, 0, 0, 0, 0, 0, 0, 0]), x([1, 8], [1, 0, 0, 0, 0, 0, 0, 0], E)],
        attributes: {},
      },
      {
        term: 'through 1',
        operands: [
          x([1, 8], [40, -40, -40, -40, -40, -40, -40, -40]),
          x([1, 8], [1, 0, 0, 0, 0, 0, 0, 0], [0, E, E, E, E, E, E, E]),
        ],
        attributes: {},
      },
      {
        term: 'local',
        operands: [
          x([1, 64], [80, ...new Array<number>(63).fill(0)]),
          x([1, 64], [...new Array<number>(63).fill(0), 1]),
        ],
        attributes: {},
        direction: 'down',
        order: 'backward',
      },
    ],
  },

  adamDirection: {
    zero: [],
    reached: [
      {
        term: 'local',
        operands: [x([2], 2 ** -40), x([2], 2 ** -150, 0, { nonNegative: true }), unit(), unit()],
        attributes: { ...ADAM, epsilon: 2 ** -60 },
        direction: 'toward',
        coarse: { reached: 0.4, why: 'roundings are charged beside the underflow under the root' },
      },
      {
        term: 'through 2',
        operands: [x([2], 1), x([2], 1, 3, positive(1)), unit(2, 2), unit(4, 4)],
        attributes: ADAM,
        coarse: { reached: -1e9, why: 'only that the bound holds' },
      },
      {
        term: 'through 0',
        operands: [x([2], 0, E), x([2], 0, 0, { nonNegative: true }), unit(2), unit()],
        attributes: ADAM,
      },
      {
        term: 'through 0',
        operands: [x([2], 0, E), x([2], 1, 0, positive(1)), unit(2), unit(4)],
        attributes: ADAM,
      },
      {
        term: 'through 1',
        operands: [x([2], 1), x([2], 0, 1e-8, { nonNegative: true }), unit(2), unit(4)],
        attributes: ADAM,
      },
      {
        term: 'through 2',
        operands: [x([2], 1), x([2], 1, 0, positive(1)), unit(2, E), unit(4)],
        attributes: ADAM,
      },
      {
        term: 'through 3',
        operands: [x([2], 1), x([2], 4, 0, positive(4)), unit(2), x([], 4, -E, away(4 - E))],
        attributes: { ...ADAM, epsilon: 1e-6 },
      },
      {
        term: 'local',
        operands: [x([2], 1), x([2], 4, 0, positive(4)), unit(3), unit(2)],
        attributes: { ...ADAM, epsilon: 1e-6 },
        direction: 'coin',
        coarse: { reached: 0.2, why: 'numerator and denominator rounded the same way by the coin' },
      },
      {
        term: 'local',
        operands: [x([2], 2 ** -150), x([2], 0, 0, { nonNegative: true }), unit(), unit()],
        attributes: ADAM,
        direction: 'toward',
      },
    ],
  },

  quantScale: {
    zero: [],
    reached: [
      {
        term: 'through 0',
        operands: [x([4], 127 * 4, 127 * 4.001)],
        attributes: { element: INT8, axes: [0], kind: 'power_of_two' },
        coarse: { reached: 0.2, why: 'the jump of a power of two is charged beside an error of any size' },
      },
      {
        term: 'through 0',
        operands: [x([4], 0, 1e-9)],
        attributes: { element: INT8, axes: [0], kind: 'absmax' },
      },
      {
        term: 'through 0',
        operands: [x([4], 0, 127e6)],
        attributes: { element: INT8, axes: [0], kind: 'absmax' },
      },
      {
        term: 'through 0',
        operands: [x([4], 0, 127.0001 * 2 ** 20)],
        attributes: { element: INT8, axes: [0], kind: 'power_of_two' },
        coarse: { reached: 0.49, why: 'the jump of a power of two is charged beside an error of any size' },
      },
      {
        term: 'local',
        operands: [x([4], 1270)],
        attributes: { element: INT8, axes: [0], kind: 'absmax' },
        direction: 'up',
      },
      {
        term: 'local',
        operands: [x([4], 127 * 64 * (1 + 2 ** -26))],
        attributes: { element: INT8, axes: [0], kind: 'power_of_two' },
        direction: 'down',
      },
    ],
  },
  quantize: {
    zero: ['through 1'],
    reached: [
      { term: 'local', operands: [x([4], 1e6), ONES], attributes: { element: FP16 } },
      { term: 'local', operands: [x([4], 1e6), x([], 1, 0, away(1))], attributes: { element: FP16 } },
      // Float32 loses more than the grid where the grid is that fine.
      {
        term: 'local',
        operands: [x([4], 1), following(E5M22)],
        attributes: { element: E5M22 },
        direction: 'down',
        coarse: {
          reached: 0.3,
          why: 'scale, quotient and product rounded the same way, the grid the other',
        },
      },
      {
        term: 'local',
        norm: 'inf',
        operands: [x([4], [1, 32766.4999 / 32767, 0, 0]), following(INT16)],
        attributes: { element: INT16 },
        direction: 'down',
      },
      // Most elements below the smallest number of the grid.
      {
        term: 'local',
        norm: 'two',
        operands: [x([64], [4, ...new Array<number>(63).fill(0.4999)]), following(E2M0)],
        attributes: { element: E2M0 },
        coarse: { reached: 0.5, why: 'relative and absolute rounding are charged together' },
      },
      {
        term: 'local',
        operands: [x([4], 272 * 2 ** -126 * (1 - 2 ** -20)), following(E4M3)],
        attributes: { element: E4M3 },
        coarse: { reached: 0.35, why: 'below the smallest scale' },
      },
      // What caps the computed values is far below their range and error together.
      {
        term: 'local',
        operands: [x([2], [1, (126.5 + 1e-5) / 127], [0, (-253 - 2e-5) / 127], cap(1)), following(INT8)],
        attributes: { element: INT8 },
        norm: 'inf',
      },
      {
        term: 'local',
        operands: [x([4], 272 + 1e-4, -544 - 2e-4, cap(272 + 1e-4)), ONES],
        attributes: { element: E4M3 },
        direction: 'none',
      },
      {
        term: 'through 0',
        operands: [x([8], [127, 1, 2, 3, 4, 5, 6, 7], 1, {}), following(BF16)],
        attributes: { element: BF16 },
        coarse: { reached: -1e9, why: 'only that the bound holds' },
      },
      { term: 'through 0', operands: [x([4], 0, 1), ONES], attributes: { element: FP16 } },
      {
        term: 'local',
        operands: [x([16], [127, ...new Array<number>(15).fill(0.5 - 1e-5)]), following(INT8)],
        attributes: { element: INT8 },
      },
      {
        term: 'local',
        operands: [
          x([16], [127.001, ...new Array<number>(15).fill(1 - 1e-5)]),
          following(INT8, 'power_of_two'),
        ],
        attributes: { element: INT8 },
      },
      {
        term: 'local',
        norm: 'inf',
        operands: [x([4], [448, 400 - 1e-4, 0, 0]), following(E4M3)],
        attributes: { element: E4M3 },
      },
      {
        term: 'local',
        norm: 'two',
        operands: [x([16], [448, ...new Array<number>(15).fill(272 - 1e-4)]), following(E4M3)],
        attributes: { element: E4M3 },
      },
      {
        term: 'local',
        norm: 'inf',
        operands: [x([4], [449, 272 * 2 - 1e-4, 0, 0]), following(E4M3, 'power_of_two')],
        attributes: { element: E4M3 },
      },
      {
        term: 'local',
        operands: [x([4], 2 ** -127 * (1 - 2 ** -20)), following(INT8)],
        attributes: { element: INT8 },
      },
      { term: 'local', operands: [x([4], 2 ** -10 * (1 - 2 ** -20)), ONES], attributes: { element: E4M3 } },
      { term: 'local', operands: [x([4], 448e4), ONES], attributes: { element: E4M3 } },
      { term: 'local', operands: [x([4], 272 - 1e-4), ONES], attributes: { element: E4M3 } },
      { term: 'local', operands: [x([4], -3), following(UINT4)], attributes: { element: UINT4 } },
      { term: 'local', operands: [x([4], 1e4), x([], 0.5, 0, away(0.5))], attributes: { element: INT8 } },
      {
        term: 'local',
        operands: [x([4], 2.999e-4), x([], 6e-4, 0, away(6e-4))],
        attributes: { element: INT8 },
      },
      {
        term: 'local',
        operands: [x([4], 1), x([], 1, 999, away(1))],
        attributes: { element: INT2 },
        coarse: { reached: 1e-3, why: 'saturation and rounding are charged together' },
      },
    ],
  },
  quantizeStochastic: {
    zero: ['through 1', 'through 2'],
    reached: [
      // Noise close to 1 takes the largest number to infinity.
      {
        term: 'local',
        operands: [x([4], 65504 * (1 - 2 ** -26)), ONES, x([4], 0)],
        attributes: { element: FP16 },
        noise: 'most',
        direction: 'nearest',
      },
      {
        term: 'local',
        operands: [x([4], 2 ** -10), following(FP16), x([4], 0)],
        attributes: { element: FP16 },
        noise: 'most',
        direction: 'nearest',
      },
      {
        term: 'through 0',
        operands: [x([4], 0, 1), ONES, x([4], 0)],
        attributes: { element: FP16 },
        noise: 'least',
      },
      {
        term: 'local',
        operands: [x([16], [127, ...new Array<number>(15).fill(1e-3)]), following(INT8), x([16], 0)],
        attributes: { element: INT8 },
        noise: 'most',
      },
      {
        term: 'local',
        norm: 'inf',
        operands: [x([4], [16, 8 + 1e-3, 0, 0]), following(E3M0), x([4], 0)],
        attributes: { element: E3M0 },
        noise: 'most',
        coarse: { reached: 0.49, why: 'the step below the largest magnitude is half of it' },
      },
      {
        term: 'local',
        norm: 'two',
        operands: [x([16], 8 + 1e-3), ONES, x([16], 0)],
        attributes: { element: E3M0 },
        noise: 'most',
      },
      {
        term: 'local',
        operands: [x([4], 2 ** -140), following(INT8), x([4], 0)],
        attributes: { element: INT8 },
        noise: 'most',
      },
      {
        term: 'local',
        operands: [x([4], 2 ** -23), x([], 1, 0, away(1)), x([4], 0)],
        attributes: { element: INT8 },
        noise: 'most',
      },
    ],
  },
  dequantize: multiplicative({ element: INT8 }),
  quantizeMask: {
    zero: ['through 1'],
    reached: [
      { term: 'through 0', operands: [x([4], 0, 1e4), ONES], attributes: { element: E4M3 } },
      {
        term: 'through 0',
        operands: [x([4], 0, 2 ** 127 * 1.75), following(INT2, 'power_of_two')],
        attributes: { element: INT2 },
      },
      { term: 'local', operands: [x([4], -3), following(UINT4)], attributes: { element: UINT4 } },
      { term: 'local', operands: [x([4], 1e4), x([], 0.5, 0, away(0.5))], attributes: { element: INT8 } },
      { term: 'through 0', operands: [x([4], 1e4), ONES], attributes: { element: E4M3 } },
      {
        term: 'through 0',
        operands: [x([4], 2 ** 127 * 1.75), following(INT2, 'power_of_two')],
        attributes: { element: INT2 },
      },
    ],
  },
};

export type { Term };
