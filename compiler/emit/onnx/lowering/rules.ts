import type { AnyOpNode, OpNode, Value } from '../../../ir/graph.ts';
import type { OpName } from '../../../ir/op-attributes.ts';
import { addBias, conv2d, conv2dInputGrad, conv2dWeightGrad } from './convolution.ts';
import { elementwise, matmul, overAxes, reshape, step, transpose } from './elementwise.ts';
import {
  integerBiasGrad,
  integerConv2d,
  integerInputGrad,
  integerWeightGrad,
  pooledSums,
} from './integer-products.ts';
import type { Lowering, LoweringRule } from './lowering.ts';
import { maxPool, maxPoolRoute, sumPool } from './pooling.ts';
import { quantize, quantizeStochastic, quantScale } from './quantization.ts';
import { stridedInputGrad } from './strided-gradient.ts';

/** Ops that have a form with the batch innermost; every other one reads its operands as the IR has them. */
const RULES: { readonly [K in OpName]?: LoweringRule<K> } = {
  neg: elementwise(),
  abs: elementwise(),
  exp: elementwise(),
  log: elementwise(),
  sqrt: elementwise(),
  relu: elementwise(),
  step: firstOf(step, elementwise()),
  stopGradient: elementwise(),
  add: firstOf(pooledSums, addBias, elementwise()),
  sub: elementwise(),
  mul: elementwise(),
  div: elementwise(),
  minimum: elementwise(),
  maximum: elementwise(),
  dequantize: elementwise(),
  quantize: firstOf(quantize, elementwise()),
  quantizeStochastic: firstOf(quantizeStochastic, elementwise()),
  quantizeMask: elementwise(),
  quantizeCotangent: elementwise(),
  quantScale,
  sum: firstOf(integerBiasGrad, overAxes()),
  variance: overAxes(),
  standardize: overAxes(),
  reshape,
  transpose,
  matmul,
  conv2d: firstOf(integerConv2d, conv2d),
  conv2dInputGrad: firstOf(integerInputGrad, conv2dInputGrad, stridedInputGrad),
  conv2dWeightGrad: firstOf(integerWeightGrad, conv2dWeightGrad),
  maxPool,
  maxPoolRoute,
  sumPool,
};

function firstOf<K extends OpName>(...rules: readonly LoweringRule<K>[]): LoweringRule<K> {
  return (lowering, node, value) => rules.some((rule) => rule(lowering, node, value));
}

/** Writes one node of a training step. */
export function lowerNode(lowering: Lowering, node: AnyOpNode, value: Value): void {
  lowering.at(node.origin.name ?? node.op, () => lower(lowering, node as OpNode, value));
}

function lower<K extends OpName>(lowering: Lowering, node: OpNode<K>, value: Value): void {
  const rule = RULES[node.op];
  if (lowering.uses('batchInnermost') && rule?.(lowering, node, value) === true) return;
  lowering.plainly(node, value);
}
