import type { DType } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { backward, valuesAt } from './calculus.ts';

/** A tensor, or a vector or scalar written as numbers. */
export type Tensorlike = NdArray | readonly number[] | number;

export function tensor(value: Tensorlike): NdArray {
  if (typeof value === 'number') return ndarray([], [value]);
  return 'shape' in value ? value : ndarray([value.length], value);
}

/** The op's value at the given operands in float64. */
export function apply<K extends OpName>(
  op: K,
  operands: readonly Tensorlike[],
  attributes: OpAttributes[K],
  dtype: DType = 'f32',
): NdArray {
  const { builder, result, point } = graphOf(op, operands, attributes, dtype);
  const [value] = valuesAt(builder, [result], point);
  if (value === undefined) throw new Error('the graph has no value');
  return value;
}

/** The gradients of `Σ u·op(operands)` with respect to the operands; u is 1 unless given. */
export function gradients<K extends OpName>(
  op: K,
  operands: readonly Tensorlike[],
  attributes: OpAttributes[K],
  u?: Tensorlike,
): NdArray[] {
  const { builder, values, result, point } = graphOf(op, operands, attributes, 'f32');
  const cotangent = u === undefined ? undefined : tensor(u);
  const seed = cotangent && builder.constant([...cotangent.data], cotangent.shape);
  return valuesAt(builder, differentiate(builder, result, values, backward, seed), point);
}

function graphOf<K extends OpName>(
  op: K,
  operands: readonly Tensorlike[],
  attributes: OpAttributes[K],
  dtype: DType,
) {
  const builder = newBuilder();
  const tensors = operands.map(tensor);
  const values = tensors.map(({ shape }, i) => builder.input(`x${i}`, 'batch', { dtype, shape }));
  const result = builder.op(op, values, attributes);
  return { builder, values, result, point: new Map(tensors.map((x, i) => [`x${i}`, x])) };
}
