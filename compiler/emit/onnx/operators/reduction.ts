import { intAttribute } from '../attributes.ts';
import { axisOf, input, type Operator } from './call.ts';

function reduction(since: number): Operator {
  return {
    inputs: [1, 2],
    attributes: { keepdims: 'INT', noop_with_empty_axes: 'INT' },
    since,
    infer: (call) => {
      const x = input(call, 0);
      if (x.shape === undefined) return [x];
      const keep = intAttribute(call.node, 'keepdims', 1) === 1;
      const given = call.inputs[1] === undefined ? new Float64Array(0) : call.values(1);
      if (given === undefined)
        return [{ type: x.type, shape: keep ? x.shape.map(() => undefined) : undefined }];
      if (given.length === 0 && intAttribute(call.node, 'noop_with_empty_axes', 0) === 1) return [x];
      const rank = x.shape.length;
      const axes = new Set(given.length === 0 ? x.shape.keys() : Array.from(given, (a) => axisOf(a, rank)));
      const shape = keep
        ? x.shape.map((d, i) => (axes.has(i) ? 1 : d))
        : x.shape.filter((_, i) => !axes.has(i));
      return [{ type: x.type, shape }];
    },
  };
}

/** Operators that reduce axes. */
export const REDUCTION: Readonly<Record<string, Operator>> = {
  ReduceSum: reduction(13),
  ...Object.fromEntries(
    [
      'ReduceMax',
      'ReduceMin',
      'ReduceMean',
      'ReduceProd',
      'ReduceL1',
      'ReduceL2',
      'ReduceSumSquare',
      'ReduceLogSumExp',
    ].map((name) => [name, reduction(18)]),
  ),
  ...Object.fromEntries(
    ['ArgMax', 'ArgMin'].map((name): [string, Operator] => [
      name,
      {
        inputs: [1, 1],
        attributes: { axis: 'INT', keepdims: 'INT', select_last_index: 'INT' },
        infer: (call) => {
          const { shape } = input(call, 0);
          if (shape === undefined) return [{ type: 'int64', shape }];
          const axis = axisOf(intAttribute(call.node, 'axis', 0), shape.length);
          const keep = intAttribute(call.node, 'keepdims', 1) === 1;
          return [
            {
              type: 'int64',
              shape: keep ? shape.map((d, i) => (i === axis ? 1 : d)) : shape.filter((_, i) => i !== axis),
            },
          ];
        },
      },
    ]),
  ),
};
