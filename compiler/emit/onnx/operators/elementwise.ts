import { intAttribute } from '../attributes.ts';
import { type DataTypeName, dataTypeName } from '../data-types.ts';
import { broadcast, printShape, type Shape } from '../value-type.ts';
import {
  all,
  type Call,
  FLOATS,
  input,
  Mismatch,
  type Operator,
  requireRank,
  requireType,
  sameType,
} from './call.ts';

function broadcastInputs(call: Call): Shape {
  const shapes = call.inputs.map((v) => v?.shape);
  const shape = broadcast(shapes);
  if (shape === null) throw new Mismatch(`shapes ${shapes.map(printShape).join(' and ')} do not broadcast`);
  return shape;
}

function unary(types?: readonly DataTypeName[], attributes: Operator['attributes'] = {}): Operator {
  return {
    inputs: [1, 1],
    attributes,
    infer: (call) => {
      if (types) requireType(call, 0, types);
      return [input(call, 0)];
    },
  };
}

function elementwise(min: number, max: number): Operator {
  return {
    inputs: [min, max],
    attributes: {},
    infer: (call) => [{ type: sameType(call, all(call)), shape: broadcastInputs(call) }],
  };
}

function comparison(): Operator {
  return {
    inputs: [2, 2],
    attributes: {},
    infer: (call) => {
      sameType(call, [0, 1]);
      return [{ type: 'bool', shape: broadcastInputs(call) }];
    },
  };
}

function logical(arity: 1 | 2): Operator {
  return {
    inputs: [arity, arity],
    attributes: {},
    infer: (call) => {
      for (const i of all(call)) requireType(call, i, ['bool']);
      return [{ type: 'bool', shape: broadcastInputs(call) }];
    },
  };
}

/** Operators whose result has the broadcast shape of their inputs. */
export const ELEMENTWISE: Readonly<Record<string, Operator>> = {
  ...Object.fromEntries(['Neg', 'Abs', 'Sign', 'Identity'].map((name) => [name, unary()])),
  ...Object.fromEntries(
    [
      'Exp',
      'Log',
      'Sqrt',
      'Round',
      'Floor',
      'Ceil',
      'Reciprocal',
      'Sigmoid',
      'Tanh',
      'Erf',
      'Sin',
      'Cos',
      'Softplus',
    ].map((name) => [name, unary(FLOATS)]),
  ),
  Relu: unary(),
  LeakyRelu: unary(FLOATS, { alpha: 'FLOAT' }),
  HardSigmoid: unary(FLOATS, { alpha: 'FLOAT', beta: 'FLOAT' }),
  Softmax: unary(FLOATS, { axis: 'INT' }),
  LogSoftmax: unary(FLOATS, { axis: 'INT' }),
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'PRelu'].map((name) => [name, elementwise(2, 2)])),
  ...Object.fromEntries(['Min', 'Max', 'Sum', 'Mean'].map((name) => [name, elementwise(1, 1024)])),
  Pow: {
    inputs: [2, 2],
    attributes: {},
    infer: (c) => [{ type: input(c, 0).type, shape: broadcastInputs(c) }],
  },
  Mod: { ...elementwise(2, 2), attributes: { fmod: 'INT' } },
  ...Object.fromEntries(
    ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map((name) => [name, comparison()]),
  ),
  ...Object.fromEntries(['And', 'Or', 'Xor'].map((name) => [name, logical(2)])),
  Not: logical(1),
  Where: {
    inputs: [3, 3],
    attributes: {},
    infer: (call) => {
      requireType(call, 0, ['bool']);
      return [{ type: sameType(call, [1, 2]), shape: broadcastInputs(call) }];
    },
  },
  Clip: {
    inputs: [1, 3],
    attributes: {},
    infer: (call) => {
      sameType(call, all(call));
      for (const i of [1, 2]) requireRank(call, i, 0);
      return [input(call, 0)];
    },
  },
  Cast: {
    inputs: [1, 1],
    attributes: { saturate: 'INT', to: 'INT!' },
    infer: (call) => {
      const type = dataTypeName(intAttribute(call.node, 'to', 0));
      if (type === undefined)
        throw new Mismatch(`a cast to element type ${intAttribute(call.node, 'to', 0)}`);
      return [{ type, shape: input(call, 0).shape }];
    },
  },
  IsNaN: { inputs: [1, 1], attributes: {}, infer: (c) => [{ type: 'bool', shape: input(c, 0).shape }] },
  IsInf: {
    inputs: [1, 1],
    attributes: { detect_negative: 'INT', detect_positive: 'INT' },
    infer: (c) => [{ type: 'bool', shape: input(c, 0).shape }],
  },
  CumSum: { inputs: [2, 2], attributes: { exclusive: 'INT', reverse: 'INT' }, infer: (c) => [input(c, 0)] },
  Dropout: {
    inputs: [1, 3],
    attributes: { seed: 'INT' },
    infer: (c) => [input(c, 0), { type: 'bool', shape: input(c, 0).shape }],
  },
};
