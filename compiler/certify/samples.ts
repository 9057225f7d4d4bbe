import type { Graph, Node, Value } from '../ir/graph.ts';
import { nodeOf, sizeOf } from '../ir/graph.ts';
import type { OpName } from '../ir/op-attributes.ts';

/**
 * How far F treats every sample by itself: the nodes that a step at a batch of one has under the same numbers, up to the first that
 * depends on the batch and has not one row for each sample: a loss that is summed, the moments of a batch norm.
 *
 * @returns the number of nodes before that
 */
export function separableNodes(step: Graph, single: Graph): number {
  const ofBatch: boolean[] = [];
  const count = Math.min(step.nodes.length, single.nodes.length);
  for (let value = 0; value < count; value++) {
    const [node, other] = [nodeOf(step, value), nodeOf(single, value)];
    const depends =
      node.kind === 'input'
        ? node.role === 'batch'
        : node.kind === 'op' && node.operands.some((operand) => ofBatch[operand]);
    ofBatch.push(depends);
    if (!isSame(node, other) || !(depends ? keepsSamples(node, other) : true)) return value;
  }
  return count;
}

function isSame(node: Node, other: Node): boolean {
  switch (node.kind) {
    case 'input':
      return other.kind === 'input' && node.input === other.input;
    case 'constant':
      return other.kind === 'constant' && node.data.join() === other.data.join();
    case 'op':
      return (
        node.origin.phase === 'F' &&
        other.kind === 'op' &&
        node.op === other.op &&
        node.operands.join() === other.operands.join()
      );
  }
}

/** Scales are of all samples, but no larger than the range that all of them share allows; a gradient's quantizer is none in F. */
const SHARED: ReadonlySet<OpName> = new Set(['quantScale', 'quantizeCotangent']);

/** Whether there is a row for each sample, that depends on this sample alone: no moments are taken over samples. */
function keepsSamples(node: Node, other: Node): boolean {
  if (node.kind === 'op' && node.op === 'quantScale') return true;
  if (
    node.kind === 'op' &&
    !SHARED.has(node.op) &&
    'axes' in node.attributes &&
    node.attributes.axes.includes(0)
  )
    return false;
  const [samples, ...row] = node.type.shape;
  const [one, ...otherRow] = other.type.shape;
  return samples !== undefined && one === 1 && row.join() === otherRow.join();
}

/** Rows of a value for each one of the same value at a batch of one: the batch, or 1 for parameters. */
export function samplesIn(step: Graph, single: Graph, value: Value): number {
  return sizeOf(nodeOf(step, value).type.shape) / sizeOf(nodeOf(single, value).type.shape);
}
