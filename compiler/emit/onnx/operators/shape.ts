import { intAttribute, intsAttribute } from '../attributes.ts';
import { DATA_TYPES, dataTypeName } from '../data-types.ts';
import { broadcast, type Dim, knownSize, printShape, type ValueType } from '../value-type.ts';
import {
  all,
  axisOf,
  type Call,
  input,
  Mismatch,
  type Operator,
  requireEqual,
  requireType,
  sameType,
  statedShape,
} from './call.ts';

function reshape(call: Call): ValueType[] {
  const x = input(call, 0);
  requireType(call, 1, ['int64']);
  const target = statedShape(call, 1);
  if (target === undefined) return [{ type: x.type, shape: undefined }];
  const copyZero = intAttribute(call.node, 'allowzero', 0) === 0;
  const shape: Dim[] = target.map((d, i) => (d === 0 && copyZero ? x.shape?.[i] : d));
  const size = knownSize(x.shape);
  const free = shape.indexOf(-1);
  if (free >= 0) {
    const rest = knownSize(shape.filter((_, i) => i !== free));
    shape[free] = undefined;
    if (size !== undefined && rest !== undefined && rest > 0) {
      if (size % rest !== 0) throw new Mismatch(`${printShape(x.shape)} does not reshape to [${target}]`);
      shape[free] = size / rest;
    }
  }
  const result = knownSize(shape);
  if (size !== undefined && result !== undefined && size !== result) {
    throw new Mismatch(`${printShape(x.shape)} does not reshape to ${printShape(shape)}`);
  }
  return [{ type: x.type, shape }];
}

function slice(call: Call): ValueType[] {
  const x = input(call, 0);
  if (x.shape === undefined) return [x];
  const rank = x.shape.length;
  const starts = call.values(1);
  const ends = call.values(2);
  const axesGiven = call.inputs[3] === undefined ? undefined : call.values(3);
  const steps = call.inputs[4] === undefined ? undefined : call.values(4);
  if (call.inputs[3] !== undefined && axesGiven === undefined)
    return [{ type: x.type, shape: x.shape.map(() => undefined) }];
  const count = axesGiven?.length ?? knownSize(call.inputs[1]?.shape) ?? rank;
  const shape: Dim[] = [...x.shape];
  for (let k = 0; k < count; k++) {
    const axis = axisOf(axesGiven?.[k] ?? k, rank);
    const size = shape[axis];
    const start = starts?.[k];
    const end = ends?.[k];
    const step = call.inputs[4] === undefined ? 1 : steps?.[k];
    if (start === 0 && step === 1 && end !== undefined && end >= 2 ** 31 - 1) continue;
    shape[axis] = undefined;
    if (typeof size !== 'number' || start === undefined || end === undefined || step === undefined) continue;
    if (step === 0) throw new Mismatch('a slice of step 0');
    const clamp = (n: number, low: number, high: number) =>
      Math.min(Math.max(n < 0 ? n + size : n, low), high);
    const from = clamp(start, 0, step > 0 ? size : size - 1);
    const to = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1);
    shape[axis] = Math.max(0, Math.ceil((to - from) / step));
  }
  return [{ type: x.type, shape }];
}

function pad(call: Call): ValueType[] {
  const x = input(call, 0);
  const pads = call.values(1);
  if (x.shape === undefined || pads === undefined)
    return [{ type: x.type, shape: x.shape?.map(() => undefined) }];
  const rank = x.shape.length;
  const axes = call.inputs[3] === undefined ? [...x.shape.keys()] : call.values(3);
  if (axes === undefined) return [{ type: x.type, shape: x.shape.map(() => undefined) }];
  if (pads.length !== 2 * axes.length) throw new Mismatch(`${pads.length} pads for ${axes.length} axes`);
  const shape: Dim[] = [...x.shape];
  Array.from(axes).forEach((a, k) => {
    const axis = axisOf(a, rank);
    const size = shape[axis];
    const added = (pads[k] ?? 0) + (pads[k + axes.length] ?? 0);
    if (added !== 0) shape[axis] = typeof size === 'number' ? size + added : undefined;
  });
  return [{ type: x.type, shape }];
}

function oneHot(call: Call): ValueType[] {
  const indices = input(call, 0).shape;
  const depth = call.values(1)?.[0];
  const type = input(call, 2).type;
  if (indices === undefined) return [{ type, shape: undefined }];
  const axis = axisOf(intAttribute(call.node, 'axis', -1), indices.length + 1);
  return [{ type, shape: [...indices.slice(0, axis), depth, ...indices.slice(axis)] }];
}

function concat(call: Call): ValueType[] {
  const type = sameType(call, all(call));
  const shapes = call.inputs.map((v) => v?.shape);
  const first = shapes[0];
  if (first === undefined) return [{ type, shape: undefined }];
  const axis = axisOf(intAttribute(call.node, 'axis', 0), first.length);
  const shape: Dim[] = [...first];
  for (const other of shapes.slice(1)) {
    if (other === undefined) return [{ type, shape: undefined }];
    if (other.length !== first.length)
      throw new Mismatch(`${printShape(first)} and ${printShape(other)} do not concatenate`);
    other.forEach((d, i) => {
      const sum = shape[axis];
      if (i !== axis) requireEqual('sizes of the concatenated', shape[i], d);
      else shape[axis] = typeof sum === 'number' && typeof d === 'number' ? sum + d : undefined;
    });
  }
  return [{ type, shape }];
}

function split(call: Call): ValueType[] {
  const x = input(call, 0);
  const outputs = call.node.output.length;
  if (x.shape === undefined) return call.node.output.map(() => x);
  const { shape } = x;
  const axis = axisOf(intAttribute(call.node, 'axis', 0), shape.length);
  const size = shape[axis];
  const parts = call.inputs[1] === undefined ? undefined : call.values(1);
  if (parts !== undefined && parts.length !== outputs)
    throw new Mismatch(`${parts.length} parts for ${outputs} outputs`);
  const chunk = typeof size === 'number' ? Math.ceil(size / outputs) : undefined;
  return call.node.output.map((_, k) => {
    const even =
      call.inputs[1] !== undefined || chunk === undefined || typeof size !== 'number'
        ? undefined
        : Math.min(chunk, size - chunk * k);
    return { type: x.type, shape: shape.map((d, i) => (i === axis ? (parts?.[k] ?? even) : d)) };
  });
}

function gather(call: Call): ValueType[] {
  const x = input(call, 0);
  const indices = input(call, 1).shape;
  requireType(call, 1, ['int32', 'int64']);
  if (x.shape === undefined || indices === undefined) return [{ type: x.type, shape: undefined }];
  const axis = axisOf(intAttribute(call.node, 'axis', 0), x.shape.length);
  return [{ type: x.type, shape: [...x.shape.slice(0, axis), ...indices, ...x.shape.slice(axis + 1)] }];
}

function squeeze(call: Call): ValueType[] {
  const x = input(call, 0);
  const axes = call.inputs[1] === undefined ? undefined : call.values(1);
  if (x.shape === undefined || axes === undefined) return [{ type: x.type, shape: undefined }];
  const dropped = new Set(Array.from(axes, (a) => axisOf(a, x.shape?.length ?? 0)));
  for (const axis of dropped) requireEqual('a squeezed size and 1', x.shape[axis], 1);
  return [{ type: x.type, shape: x.shape.filter((_, i) => !dropped.has(i)) }];
}

function unsqueeze(call: Call): ValueType[] {
  const x = input(call, 0);
  const axes = call.values(1);
  if (x.shape === undefined || axes === undefined) return [{ type: x.type, shape: undefined }];
  const rank = x.shape.length + axes.length;
  const added = new Set(Array.from(axes, (a) => axisOf(a, rank)));
  const rest = [...x.shape];
  return [{ type: x.type, shape: Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : rest.shift())) }];
}

/** Operators that move, copy, repeat or make elements. */
export const SHAPE: Readonly<Record<string, Operator>> = {
  Reshape: { inputs: [2, 2], attributes: { allowzero: 'INT' }, infer: reshape },
  Expand: {
    inputs: [2, 2],
    attributes: {},
    infer: (call) => {
      requireType(call, 1, ['int64']);
      const x = input(call, 0);
      const shape = broadcast([x.shape, statedShape(call, 1)]);
      if (shape === null)
        throw new Mismatch(`${printShape(x.shape)} does not expand to ${printShape(statedShape(call, 1))}`);
      return [{ type: x.type, shape }];
    },
  },
  Transpose: {
    inputs: [1, 1],
    attributes: { perm: 'INTS' },
    infer: (call) => {
      const x = input(call, 0);
      const { shape } = x;
      if (shape === undefined) return [x];
      const perm = intsAttribute(call.node, 'perm') ?? [...shape.keys()].reverse();
      if (
        perm.length !== shape.length ||
        new Set(perm).size !== perm.length ||
        !perm.every((i) => i >= 0 && i < shape.length)
      ) {
        throw new Mismatch(`perm [${perm}] is no permutation of ${shape.length} axes`);
      }
      return [{ type: x.type, shape: perm.map((i) => shape[i]) }];
    },
  },
  Flatten: {
    inputs: [1, 1],
    attributes: { axis: 'INT' },
    infer: (call) => {
      const x = input(call, 0);
      if (x.shape === undefined) return [x];
      const axis = intAttribute(call.node, 'axis', 1);
      const at = axis < 0 ? axis + x.shape.length : axis;
      const join = (dims: readonly Dim[]): Dim => (dims.length === 1 ? dims[0] : knownSize(dims));
      return [{ type: x.type, shape: [join(x.shape.slice(0, at)), join(x.shape.slice(at))] }];
    },
  },
  Slice: { inputs: [3, 5], attributes: {}, infer: slice },
  Pad: { inputs: [2, 4], attributes: { mode: 'STRING' }, infer: pad },
  OneHot: { inputs: [3, 3], attributes: { axis: 'INT' }, infer: oneHot },
  Concat: { inputs: [1, 1024], attributes: { axis: 'INT!' }, infer: concat },
  Split: { inputs: [1, 2], attributes: { axis: 'INT', num_outputs: 'INT' }, infer: split },
  Squeeze: { inputs: [1, 2], attributes: {}, infer: squeeze },
  Unsqueeze: { inputs: [2, 2], attributes: {}, infer: unsqueeze },
  Gather: { inputs: [2, 2], attributes: { axis: 'INT' }, infer: gather },
  GatherElements: {
    inputs: [2, 2],
    attributes: { axis: 'INT' },
    infer: (c) => [{ type: input(c, 0).type, shape: input(c, 1).shape }],
  },
  ScatterElements: {
    inputs: [3, 3],
    attributes: { axis: 'INT', reduction: 'STRING' },
    infer: (c) => [input(c, 0)],
  },
  ScatterND: { inputs: [3, 3], attributes: { reduction: 'STRING' }, infer: (c) => [input(c, 0)] },
  Tile: {
    inputs: [2, 2],
    attributes: {},
    infer: (call) => {
      const x = input(call, 0);
      const repeats = call.values(1);
      return [
        {
          type: x.type,
          shape: x.shape?.map((d, i) =>
            typeof d === 'number' && repeats ? d * (repeats[i] ?? 1) : undefined,
          ),
        },
      ];
    },
  },
  Shape: {
    inputs: [1, 1],
    attributes: { end: 'INT', start: 'INT' },
    infer: (call) => {
      const rank = input(call, 0).shape?.length;
      const whole =
        intAttribute(call.node, 'start', 0) === 0 && call.node.attribute.every((a) => a.name !== 'end');
      return [{ type: 'int64', shape: [whole ? rank : undefined] }];
    },
  },
  ConstantOfShape: {
    inputs: [1, 1],
    attributes: { value: 'TENSOR' },
    infer: (call) => [
      {
        type: dataTypeName(call.tensorAttribute('value')?.dataType ?? DATA_TYPES.float.code),
        shape: statedShape(call, 0),
      },
    ],
  },
  Constant: {
    inputs: [0, 0],
    attributes: {
      value: 'TENSOR',
      value_float: 'FLOAT',
      value_floats: 'FLOATS',
      value_int: 'INT',
      value_ints: 'INTS',
    },
    infer: (call) => {
      const tensor = call.tensorAttribute('value');
      if (tensor) return [{ type: dataTypeName(tensor.dataType), shape: tensor.dims }];
      const attribute = call.node.attribute[0];
      const list = attribute?.name.endsWith('s') === true;
      const type = attribute?.name.startsWith('value_int') === true ? 'int64' : 'float';
      return [{ type, shape: list ? [undefined] : [] }];
    },
  },
};
