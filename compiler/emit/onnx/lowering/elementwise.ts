import type { OpNode, TensorType } from '../../../ir/graph.ts';
import type { OpAttributes, OpName } from '../../../ir/op-attributes.ts';
import { fromInnermost, innermost, innermostAxis } from './layout.ts';
import type { Lowering, LoweringRule } from './lowering.ts';
import { positive } from './masks.ts';

/** Whether an operand of the result's rank lies innermost, so that the result had better, too. */
function readsInner(lowering: Lowering, node: OpNode, rank: number): boolean {
  const { values } = lowering;
  return node.operands.some((v) => values.isInner(v) && values.shapeOf(v).length === rank);
}

function moved(type: TensorType): TensorType {
  return { dtype: type.dtype, shape: innermost(type.shape) };
}

/** An op that treats each element by itself commutes with every order of the axes. */
export function elementwise<K extends OpName>(): LoweringRule<K> {
  return (lowering, node, value) => {
    const rank = node.type.shape.length;
    if (rank < 2 || !readsInner(lowering, node, rank)) return false;
    const operands = node.operands.map((v) => lowering.values.aligned(v, rank));
    const name = lowering.registryRule(node, {
      names: operands.map((o) => o.name),
      types: operands.map((o) => o.type),
      type: moved(node.type),
      attributes: node.attributes,
    });
    lowering.values.setInner(value, name);
    return true;
  };
}

/** The mask of relu as a ramp. */
export const step: LoweringRule<'step'> = (lowering, { operands: [x] }, value) => {
  if (x === undefined || !lowering.uses('rampMasks')) return false;
  const { values } = lowering;
  if (values.isInner(x)) values.setInner(value, positive(lowering, values.inner(x)));
  else values.setPlain(value, positive(lowering, values.plain(x)));
  return true;
};

/** A reduction over the axes that its attributes name. Where the batch is reduced and its axis dropped, what is left lies as in the IR. */
export function overAxes<K extends 'sum' | 'variance' | 'standardize'>(): LoweringRule<K> {
  return (lowering, node, value) => {
    const [x] = node.operands;
    if (x === undefined || !lowering.values.isInner(x)) return false;
    const shape = lowering.values.shapeOf(x);
    const { axes } = node.attributes;
    const attributes: OpAttributes[K] = {
      ...node.attributes,
      axes: axes.map((axis) => innermostAxis(axis, shape.length)).sort((a, b) => a - b),
    };
    const kept = node.type.shape.length === shape.length;
    const plain = (!kept && axes.includes(0)) || node.type.shape.length < 2;
    const name = lowering.registryRule(node, {
      names: [lowering.values.inner(x)],
      types: [moved(lowering.values.typeOf(x))],
      type: plain ? node.type : moved(node.type),
      attributes,
    });
    if (plain) lowering.values.setPlain(value, name);
    else lowering.values.setInner(value, name);
    return true;
  };
}

/** A reshape of each sample. */
export const reshape: LoweringRule<'reshape'> = (lowering, node, value) => {
  const [x] = node.operands;
  const { shape } = node.type;
  if (x === undefined || !lowering.values.isInner(x) || shape.length < 2) return false;
  const from = lowering.values.shapeOf(x);
  if (from[0] !== shape[0]) return false;
  lowering.values.setInner(value, lowering.reshape(lowering.values.inner(x), innermost(shape)));
  return true;
};

/** What moves the last axis to the front gives a tensor whose form with the batch innermost is what it moves. */
export const transpose: LoweringRule<'transpose'> = (lowering, node, value) => {
  const [x] = node.operands;
  const rank = node.type.shape.length;
  if (x === undefined || lowering.values.isInner(x)) return false;
  if (`${node.attributes.permutation}` !== `${fromInnermost(rank)}`) return false;
  lowering.values.setInner(value, lowering.values.plain(x));
  return true;
};

/** A product of matrices, each of which may lie transposed. */
export const matmul: LoweringRule<'matmul'> = (lowering, node, value) => {
  const [a, b] = node.operands;
  const { values } = lowering;
  if (a === undefined || b === undefined || node.type.shape.length !== 2) return false;
  if (!values.isInner(a) && !values.isInner(b)) return false;
  const read = (v: number, transposed: boolean) =>
    values.isInner(v)
      ? { name: values.inner(v), transposed: !transposed }
      : { name: values.plain(v), transposed };
  const left = read(a, node.attributes.transposeA);
  const right = read(b, node.attributes.transposeB);
  // Rows of a that are samples make samples of the result: then (A·B)ᵀ = Bᵀ·Aᵀ is written.
  const inner = values.isInner(a) && !node.attributes.transposeA;
  const [first, second] = inner ? [right, left] : [left, right];
  const transA = first.transposed !== inner;
  const transB = second.transposed !== inner;
  const name =
    transA || transB
      ? lowering.op('Gemm', [first.name, second.name], { transA: Number(transA), transB: Number(transB) })
      : lowering.op('MatMul', [first.name, second.name]);
  if (inner) values.setInner(value, name);
  else values.setPlain(value, name);
  return true;
};
