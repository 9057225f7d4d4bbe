import { sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpName, PoolWindow } from '../../ir/op-attributes.ts';
import type { Gate, SlopeContext, SlopeRule, Slopes } from '../../ir/slopes.ts';
import { convolutionNorm2 } from '../../norms/convolution.ts';
import { normFrobenius } from '../../norms/entrywise.ts';
import { matrix } from '../../norms/matrix.ts';
import { spectralNorm } from '../../norms/spectral.ts';
import { toNumber } from '../../numeric/bound.ts';
import { windowOf, windowOverlap } from '../window.ts';

/** Slopes of ops that are linear in an operand, of relu and of pooling, as one walks from an output back to the input. */

/** A share that covers the rounding of float64 in sums of n products and of what is made of them: `γ_n` is hardly a quarter of it. */
function slack(n: number): number {
  return n * 2 ** -51;
}

function frobeniusOf({ data }: Pick<NdArray, 'data'>): number {
  return toNumber(normFrobenius(data));
}

function rowNorms({ shape, data }: NdArray): Float64Array {
  const [rows = 1] = shape;
  const columns = data.length / rows;
  const norms = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    norms[row] = frobeniusOf({ data: data.subarray(row * columns, (row + 1) * columns) });
  }
  return norms;
}

/** The shape of slopes in an operand: one row an output, the rest of one sample. */
function shapeIn<K extends OpName>({ slopes, operandTypes }: SlopeContext<K>, i: number): readonly number[] {
  return [slopes.center.shape[0] ?? 1, ...(operandTypes[i]?.shape.slice(1) ?? [])];
}

/** `center` through a linear map of 2-norm `norm`, whose rounding is `rounding` times the row's 2-norm. */
function through({ center, rest }: Slopes, next: NdArray, norm: number, rounding: number): Slopes {
  const rows = rowNorms(center);
  return {
    center: next,
    rest: rest.map((r, k) => (r * norm + (rows[k] ?? 0) * rounding) * (1 + 2 ** -40)),
  };
}

/** The op passes its first operand on unchanged in real arithmetic. */
export const identity = <K extends OpName>(context: SlopeContext<K>) => [
  context.isActive(0) ? context.slopes : undefined,
];

export const reshape: SlopeRule<'reshape'> = (context) => {
  const { center, rest } = context.slopes;
  return [{ center: { shape: shapeIn(context, 0), data: center.data }, rest }];
};

function addition<K extends 'add' | 'sub'>(sign: 1 | -1): SlopeRule<K> {
  return (context) => {
    const { slopes, operandTypes, type } = context;
    const size = sizeOf(type.shape);
    const whole = operandTypes.every(({ shape }, i) => !context.isActive(i) || sizeOf(shape) === size);
    if (!whole) return undefined;
    const { center, rest } = slopes;
    const second =
      sign === 1 ? slopes : { center: { shape: center.shape, data: center.data.map((c) => -c) }, rest };
    return [context.isActive(0) ? slopes : undefined, context.isActive(1) ? second : undefined];
  };
}

export const add = addition<'add'>(1);
export const sub = addition<'sub'>(-1);

function scaling<K extends 'mul' | 'div'>(op: K): SlopeRule<K> {
  return (context) => {
    const { slopes, operandTypes, type } = context;
    const factor = context.known(1);
    if (factor === undefined || context.isActive(1)) return undefined;
    if (sizeOf(operandTypes[0]?.shape ?? []) !== sizeOf(type.shape)) return undefined;
    const { center } = slopes;
    const next = context.evaluate<'mul' | 'div'>(op, {}, [center, factor], center.shape);
    const largest = factor.data.reduce(
      (most, x) => Math.max(most, op === 'mul' ? Math.abs(x) : 1 / Math.abs(x)),
      0,
    );
    return [through(slopes, next, largest, largest * slack(1)), undefined];
  };
}

export const mul = scaling('mul');
export const div = scaling('div');

export const sum: SlopeRule<'sum'> = (context) => {
  const { slopes, attributes, operandTypes, type } = context;
  const { axes, keepDims } = attributes;
  if (axes.includes(0)) return undefined;
  const shape = shapeIn(context, 0);
  const kept = keepDims ? slopes.center.shape : shape.map((n, i) => (axes.includes(i) ? 1 : n));
  const stretched = context.evaluate(
    'broadcastTo',
    { shape },
    [{ shape: kept, data: slopes.center.data }],
    shape,
  );
  const copies = sizeOf(operandTypes[0]?.shape ?? []) / sizeOf(type.shape);
  return [through(slopes, stretched, Math.sqrt(copies) * (1 + 2 ** -50), 0)];
};

export const matmul: SlopeRule<'matmul'> = (context) => {
  const { slopes, attributes } = context;
  const weights = context.known(1);
  const { transposeA, transposeB } = attributes;
  if (weights === undefined || context.isActive(1) || weights.shape.length !== 2 || transposeA)
    return undefined;
  const [rows = 1, columns = 1] = weights.shape;
  const norm = context.norm(1, '2', ({ data }) => toNumber(spectralNorm(matrix(rows, columns, data))));
  const frobenius = context.norm(1, 'F', frobeniusOf);
  const back = { transposeA: false, transposeB: !transposeB };
  const next = context.evaluate('matmul', back, [slopes.center, weights], shapeIn(context, 0));
  return [through(slopes, next, norm, frobenius * slack(Math.max(rows, columns))), undefined];
};

export const conv2d: SlopeRule<'conv2d'> = (context) => {
  const { slopes, attributes } = context;
  const weights = context.known(1);
  if (weights === undefined || context.isActive(1)) return undefined;
  const shape = shapeIn(context, 0);
  const [, , height = 1, width = 1] = shape;
  const [filters = 1, channels = 1, kernelHeight = 1, kernelWidth = 1] = weights.shape;
  const inputSize = [height, width] as const;
  const norm = context.norm(1, `2 ${inputSize} ${attributes.strides} ${attributes.pads}`, ({ data }) =>
    toNumber(
      convolutionNorm2({
        kernel: data,
        shape: [filters, channels, kernelHeight, kernelWidth],
        window: windowOf(attributes),
        inputSize,
      }),
    ),
  );
  const taps = kernelHeight * kernelWidth;
  const frobenius = context.norm(1, 'F', frobeniusOf) * Math.sqrt(taps);
  const { strides, pads } = attributes;
  const back = { strides, pads, inputSize };
  const next = context.evaluate('conv2dInputGrad', back, [slopes.center, weights], shape);
  return [through(slopes, next, norm, frobenius * slack(filters * taps)), undefined];
};

export const sumPool: SlopeRule<'sumPool'> = (context) => {
  const { slopes, attributes } = context;
  const next = spread(context, attributes, slopes.center, shapeIn(context, 0));
  const uses = windowOverlap(attributes.kernel, attributes.strides);
  const norm = Math.sqrt(sizeOf(attributes.kernel) * uses) * (1 + 2 ** -50);
  return [through(slopes, next, norm, norm * slack(uses))];
};

/** An open element passes its slope, a shut one nothing, and one that may be either half of it, give or take the other half. */
export const relu: SlopeRule<'relu'> = (context) => {
  const { slopes, gate } = context;
  if (gate !== undefined) return [gated(slopes, gate, shapeIn(context, 0), 1)];
  const { center, rest } = slopes;
  const norms = rowNorms(center);
  return [
    {
      center: { shape: center.shape, data: center.data.map((c) => c / 2) },
      rest: rest.map((r, k) => r + (norms[k] ?? 0) / 2),
    },
  ];
};

/** The largest of a window changes by a mean of the changes of its elements: slopes between 0 and 1 that sum to 1. */
export const maxPool: SlopeRule<'maxPool'> = (context) => {
  const { slopes, attributes, gate } = context;
  const shape = shapeIn(context, 0);
  const uses = windowOverlap(attributes.kernel, attributes.strides);
  if (gate !== undefined) return [gated(slopes, gate, shape, uses)];
  const { center, rest } = slopes;
  const magnitudes = { shape: center.shape, data: center.data.map(Math.abs) };
  const norms = rowNorms(spread(context, attributes, magnitudes, shape));
  const next = spread(context, attributes, center, shape);
  const root = Math.sqrt(uses) * (1 + 2 ** -50);
  return [
    {
      center: { shape, data: next.data.map((c) => c / 2) },
      rest: rest.map((r, k) => r * root + (norms[k] ?? 0) * (0.5 + slack(uses))),
    },
  ];
};

/** Each slope to every element of its window, summed where windows overlap. */
function spread(
  context: Pick<SlopeContext<OpName>, 'evaluate'>,
  { kernel, strides, pads }: PoolWindow,
  slopes: NdArray,
  shape: readonly number[],
): NdArray {
  const [, , height = 1, width = 1] = shape;
  return context.evaluate(
    'sumPoolGrad',
    { kernel, strides, pads, inputSize: [height, width] },
    [slopes],
    shape,
  );
}

/** @param uses gates that one input may lie behind */
function gated({ center, rest }: Slopes, gate: Gate, shape: readonly number[], uses: number): Slopes {
  const [rows = 1] = shape;
  const inputs = sizeOf(shape) / rows;
  const outputs = center.data.length / rows;
  const data = new Float64Array(rows * inputs);
  const root = Math.sqrt(uses) * (1 + 2 ** -50);
  const next = new Float64Array(rows);
  const unsettled = new Float64Array(inputs);
  for (let row = 0; row < rows; row++) {
    unsettled.fill(0);
    let whole = 0;
    for (let k = 0; k < gate.output.length; k++) {
      const c = center.data[row * outputs + (gate.output[k] ?? 0)] ?? 0;
      const input = gate.input[k] ?? 0;
      const to = row * inputs + input;
      if (gate.open[k] === 1) data[to] = (data[to] ?? 0) + c;
      else {
        data[to] = (data[to] ?? 0) + c / 2;
        unsettled[input] = (unsettled[input] ?? 0) + Math.abs(c) / 2;
      }
      whole += c * c;
    }
    const half = Math.sqrt(unsettled.reduce((total, u) => total + u * u, 0));
    const rounding = Math.sqrt(whole) * root * slack(uses);
    next[row] = ((rest[row] ?? 0) * root + half + rounding) * (1 + slack(inputs));
  }
  return { center: { shape, data }, rest: next };
}
