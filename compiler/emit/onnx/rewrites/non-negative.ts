import { type Node, nodeOf, type Value } from '../../../ir/graph.ts';
import type { OpName } from '../../../ir/op-attributes.ts';

/** Ops whose result is never below zero. */
const ALWAYS: ReadonlySet<OpName> = new Set([
  'relu',
  'step',
  'abs',
  'exp',
  'sqrt',
  'softmax',
  'variance',
  'uniform',
  'quantScale',
  'quantizeMask',
  'oneHot',
]);
/** Ops whose result is never below zero where no operand is. */
const KEPT: ReadonlySet<OpName> = new Set([
  'add',
  'mul',
  'minimum',
  'maximum',
  'reshape',
  'transpose',
  'slice',
  'pad',
  'broadcastTo',
  'sum',
  'maxPool',
  'sumPool',
  'stopGradient',
  'quantizeCotangent',
  'quantize',
  'quantizeStochastic',
]);

/** Whether a value is known never to be negative, from the ops that compute it. */
export function isNonNegative(graph: { readonly nodes: readonly Node[] }, value: Value): boolean {
  const open = [value];
  const seen = new Set<Value>();
  for (let v = open.pop(); v !== undefined; v = open.pop()) {
    if (seen.has(v)) continue;
    seen.add(v);
    const node = nodeOf(graph, v);
    if (node.kind === 'constant') {
      if (node.data.some((x) => !(x >= 0))) return false;
    } else if (node.kind === 'input') return false;
    else if (!ALWAYS.has(node.op)) {
      if (!KEPT.has(node.op)) return false;
      open.push(...node.operands);
    }
  }
  return true;
}
