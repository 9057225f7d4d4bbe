import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../attributes.ts';
import type { DataTypeName } from '../data-types.ts';
import { type Dim, printShape, type ValueType } from '../value-type.ts';
import {
  all,
  type Call,
  FLOATS,
  input,
  Mismatch,
  type Operator,
  requireEqual,
  requireRank,
  requireType,
  sameType,
} from './call.ts';

/** Output sizes of a sliding window over the axes after the first two. */
function windowSizes(call: Call, shape: readonly Dim[], kernel: readonly Dim[]): Dim[] {
  const { node } = call;
  const rank = shape.length - 2;
  if (kernel.length !== rank) throw new Mismatch(`a kernel of ${kernel.length} sizes over ${rank} axes`);
  const strides = intsAttribute(node, 'strides') ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, 'dilations') ?? kernel.map(() => 1);
  const pads = intsAttribute(node, 'pads') ?? new Array<number>(2 * rank).fill(0);
  if (strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank) {
    throw new Mismatch(
      `strides [${strides}], dilations [${dilations}] or pads [${pads}] do not fit ${rank} axes`,
    );
  }
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const roundUp = intAttribute(node, 'ceil_mode', 0) === 1;
  return kernel.map((k, i) => {
    const size = shape[i + 2];
    const stride = strides[i] ?? 1;
    if (typeof size !== 'number' || typeof k !== 'number') return undefined;
    if (autoPad.startsWith('SAME')) return Math.ceil(size / stride);
    const before = pads[i] ?? 0;
    const padded = autoPad === 'VALID' ? size : size + before + (pads[i + rank] ?? 0);
    const steps = (padded - (dilations[i] ?? 1) * (k - 1) - 1) / stride;
    if (steps < 0) throw new Mismatch(`a window of ${k} does not fit ${padded} padded values`);
    if (!roundUp) return Math.floor(steps) + 1;
    // A last window that would start in the padding behind the input is left out.
    const count = Math.ceil(steps) + 1;
    return (count - 1) * stride >= size + before ? count - 1 : count;
  });
}

const CONV_ATTRIBUTES = {
  auto_pad: 'STRING',
  dilations: 'INTS',
  group: 'INT',
  kernel_shape: 'INTS',
  pads: 'INTS',
  strides: 'INTS',
} as const;

function convolution(
  call: Call,
  result: (x: ValueType) => DataTypeName | undefined,
  bias?: number,
): ValueType[] {
  const x = input(call, 0);
  const w = input(call, 1);
  const type = result(x);
  if (x.shape === undefined || w.shape === undefined) return [{ type, shape: undefined }];
  if (x.shape.length < 3 || w.shape.length !== x.shape.length) {
    throw new Mismatch(`shapes ${printShape(x.shape)} and ${printShape(w.shape)} do not convolve`);
  }
  const group = intAttribute(call.node, 'group', 1);
  const channels = x.shape[1];
  requireEqual(
    'channels of the input and of the kernel',
    typeof channels === 'number' ? channels / group : undefined,
    w.shape[1],
  );
  const kernel = w.shape.slice(2);
  intsAttribute(call.node, 'kernel_shape')?.forEach((k, i) => {
    requireEqual('kernel_shape and the kernel', k, kernel[i]);
  });
  if (bias !== undefined && call.inputs[bias] !== undefined) {
    requireRank(call, bias, 1);
    requireEqual('sizes of the bias and of the kernel', call.inputs[bias]?.shape?.[0], w.shape[0]);
  }
  return [{ type, shape: [x.shape[0], w.shape[0], ...windowSizes(call, x.shape, kernel)] }];
}

function pooling(
  attributes: Operator['attributes'],
  outputs: (x: ValueType) => (DataTypeName | undefined)[],
): Operator {
  return {
    inputs: [1, 1],
    attributes: {
      ...attributes,
      auto_pad: 'STRING',
      ceil_mode: 'INT',
      dilations: 'INTS',
      kernel_shape: 'INTS!',
      pads: 'INTS',
      strides: 'INTS',
    },
    infer: (call) => {
      const x = input(call, 0);
      const kernel = intsAttribute(call.node, 'kernel_shape') ?? [];
      const shape = x.shape && [x.shape[0], x.shape[1], ...windowSizes(call, x.shape, kernel)];
      return outputs(x).map((type) => ({ type, shape }));
    },
  };
}

export const CONV: Operator = {
  inputs: [2, 3],
  attributes: CONV_ATTRIBUTES,
  infer: (call) => {
    requireType(call, 0, FLOATS);
    return convolution(call, () => sameType(call, all(call)), 2);
  },
};

/** Convolution, pooling and what goes with them, over `[N, C, …]`. */
export const WINDOW: Readonly<Record<string, Operator>> = {
  Conv: CONV,
  ConvInteger: {
    inputs: [2, 4],
    attributes: CONV_ATTRIBUTES,
    infer: (call) => {
      for (const i of [0, 1]) requireType(call, i, ['int8', 'uint8']);
      return convolution(call, () => 'int32');
    },
  },
  ConvTranspose: {
    inputs: [2, 3],
    attributes: { ...CONV_ATTRIBUTES, output_padding: 'INTS', output_shape: 'INTS' },
    infer: (call) => {
      const type = sameType(call, all(call));
      const x = input(call, 0).shape;
      const w = input(call, 1).shape;
      if (x === undefined || w === undefined) return [{ type, shape: undefined }];
      if (x.length < 3 || w.length !== x.length)
        throw new Mismatch(`shapes ${printShape(x)} and ${printShape(w)} do not convolve`);
      requireEqual('channels of the input and of the kernel', x[1], w[0]);
      const rank = x.length - 2;
      const stated = intsAttribute(call.node, 'output_shape');
      const spatial = w.slice(2).map((k, i): Dim => {
        const size = x[i + 2];
        if (stated !== undefined) return stated.at(i - rank);
        if (typeof k !== 'number' || typeof size !== 'number') return undefined;
        const at = (name: string, absent: number, j = i) => intsAttribute(call.node, name)?.[j] ?? absent;
        const extent = at('dilations', 1) * (k - 1) + 1;
        return (
          at('strides', 1) * (size - 1) +
          at('output_padding', 0) +
          extent -
          at('pads', 0) -
          at('pads', 0, i + rank)
        );
      });
      const filters = w[1];
      const group = intAttribute(call.node, 'group', 1);
      return [{ type, shape: [x[0], typeof filters === 'number' ? filters * group : undefined, ...spatial] }];
    },
  },
  MaxPool: pooling({ storage_order: 'INT' }, (x) => [x.type, 'int64']),
  AveragePool: pooling({ count_include_pad: 'INT' }, (x) => [x.type]),
  ...Object.fromEntries(
    ['GlobalAveragePool', 'GlobalMaxPool'].map((name): [string, Operator] => [
      name,
      {
        inputs: [1, 1],
        attributes: {},
        infer: (c) => [{ ...input(c, 0), shape: input(c, 0).shape?.map((d, i) => (i < 2 ? d : 1)) }],
      },
    ]),
  ),
  BatchNormalization: {
    inputs: [5, 5],
    attributes: { epsilon: 'FLOAT', momentum: 'FLOAT', training_mode: 'INT' },
    infer: (call) => {
      const x = input(call, 0);
      for (const i of [1, 2, 3, 4]) {
        requireRank(call, i, 1);
        requireEqual('the number of channels and of statistics', x.shape?.[1], call.inputs[i]?.shape?.[0]);
      }
      if (floatAttribute(call.node, 'epsilon', 1e-5) < 0) throw new Mismatch('a negative epsilon');
      return [x, input(call, 3), input(call, 4)];
    },
  },
};
