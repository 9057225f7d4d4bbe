import { intAttribute } from '../attributes.ts';
import { broadcast, printShape, type Shape } from '../value-type.ts';
import {
  all,
  input,
  Mismatch,
  type Operator,
  requireEqual,
  requireRank,
  requireType,
  sameType,
} from './call.ts';

function matmulShape(a: Shape, b: Shape): Shape {
  if (a === undefined || b === undefined) return undefined;
  if (a.length === 0 || b.length === 0) throw new Mismatch('a scalar cannot be multiplied as a matrix');
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  requireEqual('inner sizes', left.at(-1), right.at(-2));
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  if (batch === null) throw new Mismatch(`shapes ${printShape(a)} and ${printShape(b)} do not multiply`);
  if (batch === undefined) return undefined;
  return [...batch, ...(a.length === 1 ? [] : [left.at(-2)]), ...(b.length === 1 ? [] : [right.at(-1)])];
}

/** Products of matrices. */
export const PRODUCT: Readonly<Record<string, Operator>> = {
  MatMul: {
    inputs: [2, 2],
    attributes: {},
    infer: (call) => [
      { type: sameType(call, [0, 1]), shape: matmulShape(input(call, 0).shape, input(call, 1).shape) },
    ],
  },
  MatMulInteger: {
    inputs: [2, 4],
    attributes: {},
    infer: (call) => {
      for (const i of [0, 1]) requireType(call, i, ['int8', 'uint8']);
      return [{ type: 'int32', shape: matmulShape(input(call, 0).shape, input(call, 1).shape) }];
    },
  },
  Gemm: {
    inputs: [2, 3],
    attributes: { alpha: 'FLOAT', beta: 'FLOAT', transA: 'INT', transB: 'INT' },
    infer: (call) => {
      for (const i of [0, 1]) requireRank(call, i, 2);
      const turned = (index: number, name: string): Shape => {
        const { shape } = input(call, index);
        return intAttribute(call.node, name, 0) === 0 || shape === undefined ? shape : [...shape].reverse();
      };
      const shape = matmulShape(turned(0, 'transA'), turned(1, 'transB'));
      const c = call.inputs[2]?.shape;
      if (c !== undefined && shape !== undefined) {
        const sum = broadcast([shape, c]);
        if (sum === null || sum?.some((d, i) => d !== shape[i])) {
          throw new Mismatch(`the summand ${printShape(c)} does not broadcast to ${printShape(shape)}`);
        }
      }
      return [{ type: sameType(call, all(call)), shape }];
    },
  },
};
