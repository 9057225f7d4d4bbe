import type { Range } from '../../ir/bound-rules.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { OpAttributes, OpName } from '../../ir/op-attributes.ts';
import { multiply } from '../../numeric/bound.ts';
import { rootOf } from '../../ops/bounds/range.ts';

/**
 * F treats every sample by itself, so one sample says all of it: its values' 2-norms are those of one sample, and a gain from the
 * 2-norm to a single logit is not paid for a whole batch. Batch norm couples samples, and then there is no such F.
 */
export interface SampleForward {
  /** The step at a batch of one. */
  readonly graph: Graph;
  /** By value of the whole step's F: the same value of one sample. */
  readonly counterpart: ReadonlyMap<Value, Value>;
}

/** Ops whose result for one sample depends on the others. Scales do too, but no more than by the range that all samples share. */
const COUPLING: ReadonlySet<OpName> = new Set(['variance', 'standardize']);

/**
 * Pairs the values of F in a step with those of the same step at a batch of one, as far as the two are the same: up to the loss, which
 * averages. Undefined where samples are coupled.
 */
export function sampleForward(step: Graph, single: Graph): SampleForward | undefined {
  const counterpart = new Map<Value, Value>();
  const inputs = new Map(
    single.nodes.flatMap((node, value) => (node.kind === 'input' ? [[node.input, value] as const] : [])),
  );
  const twins = new Map<Value, Value>();
  for (let value = 0, next = 0; value < step.nodes.length; value++) {
    const node = nodeOf(step, value);
    if (node.kind === 'input') {
      const twin = inputs.get(node.input);
      if (twin !== undefined) twins.set(value, twin);
      continue;
    }
    while (next < single.nodes.length && nodeOf(single, next).kind === 'input') next++;
    const other = single.nodes[next];
    if (node.origin.phase !== 'F' || other === undefined || !isTwin(node, other, twins)) break;
    if (node.kind === 'op' && COUPLING.has(node.op)) return undefined;
    if (reducesBatch(step, single, node, other)) break;
    twins.set(value, next);
    if (node.kind === 'op' && node.op !== 'quantScale') counterpart.set(value, next);
    next++;
  }
  return { graph: single, counterpart };
}

/** A sum over the batch has one shape for any batch, and is of all its samples. */
function reducesBatch(step: Graph, single: Graph, node: Node, other: Node): boolean {
  if (node.kind !== 'op' || node.op !== 'sum' || other.kind !== 'op') return false;
  const { axes } = node.attributes as OpAttributes['sum'];
  const sizes = [node.operands[0], other.operands[0]].map((operand, i) =>
    operand === undefined ? 1 : sizeOf(nodeOf(i === 0 ? step : single, operand).type.shape),
  );
  return axes.includes(0) && sizes[0] !== sizes[1];
}

function isTwin(node: Node, other: Node, twins: ReadonlyMap<Value, Value>): boolean {
  if (node.kind === 'constant') return other.kind === 'constant' && node.data.join() === other.data.join();
  if (node.kind !== 'op' || other.kind !== 'op' || node.op !== other.op) return false;
  return (
    node.operands.length === other.operands.length &&
    node.operands.every((operand, i) => twins.get(operand) === other.operands[i])
  );
}

/** Samples of the batch that a value holds: 1 for parameters. */
export function samplesIn(step: Graph, value: Value, single: Graph, counterpart: Value): number {
  return sizeOf(nodeOf(step, value).type.shape) / sizeOf(nodeOf(single, counterpart).type.shape);
}

/** The range of a batch from that of any one sample. */
export function batchRange(range: Range, samples: number): Range {
  return samples === 1 ? range : { ...range, norm2: multiply(rootOf(samples), range.norm2) };
}
