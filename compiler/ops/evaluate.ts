import { type Graph, type Node, nodeOf, type OpNode, sameShape, sizeOf, type Value } from '../ir/graph.ts';
import type { NdArray } from '../ir/ndarray.ts';
import type { Distribution } from '../ir/noise.ts';
import type { OpName } from '../ir/op-attributes.ts';
import { REGISTRY } from './registry.ts';

/** The noise tensor of a stream at one step. */
export type NoiseSource = (distribution: Distribution, stream: string, shape: readonly number[]) => NdArray;

/** The outputs of a graph in float64 by name; intermediate values are dropped after their last use. */
export function evaluate(
  graph: Graph,
  inputs: ReadonlyMap<string, NdArray>,
  noise: NoiseSource,
): Map<string, NdArray> {
  const expiring = expiringAt(graph);
  const values = new Map<Value, NdArray>();
  graph.nodes.forEach((node, value) => {
    values.set(
      value,
      evaluateNode(node, (x) => found(values.get(x), x), inputs, noise),
    );
    for (const dead of expiring.get(value) ?? []) values.delete(dead);
  });
  return new Map(graph.outputs.map(({ name, value }) => [name, found(values.get(value), value)]));
}

/** Every value of a graph in float64, by the index of its node. */
export function evaluateAll(
  graph: Graph,
  inputs: ReadonlyMap<string, NdArray>,
  noise: NoiseSource,
): readonly NdArray[] {
  const values: NdArray[] = [];
  for (const node of graph.nodes) values.push(evaluateNode(node, (x) => found(values[x], x), inputs, noise));
  return values;
}

/**
 * One node in float64 on the given operand values. An input is what `inputs` holds under its name.
 * @throws where an input is missing, or a tensor has another shape than the graph states
 */
export function evaluateNode(
  node: Node,
  operand: (value: Value) => NdArray,
  inputs: ReadonlyMap<string, NdArray>,
  noise: NoiseSource,
): NdArray {
  switch (node.kind) {
    case 'input': {
      const given = inputs.get(node.input);
      if (given === undefined) throw new Error(`no value for the input '${node.input}'`);
      return shaped(given, node.type.shape, `the input '${node.input}'`);
    }
    case 'constant': {
      const size = sizeOf(node.type.shape);
      const splat = node.data.length === 1;
      const data = splat ? new Float64Array(size).fill(node.data[0] ?? 0) : Float64Array.from(node.data);
      return { shape: node.type.shape, data };
    }
    case 'op':
      return shaped(applyOp(node, node.operands.map(operand), noise), node.type.shape, node.op);
  }
}

function applyOp<K extends OpName>(
  node: OpNode<K>,
  operands: readonly NdArray[],
  noise: NoiseSource,
): NdArray {
  const { attributes, type } = node;
  return REGISTRY[node.op].evaluate({ attributes, operands, type, noise });
}

function shaped(tensor: NdArray, shape: readonly number[], what: string): NdArray {
  if (sameShape(tensor.shape, shape) && tensor.data.length === sizeOf(shape)) return tensor;
  throw new Error(`${what} has the shape [${tensor.shape}] where the graph states [${shape}]`);
}

function found(tensor: NdArray | undefined, value: Value): NdArray {
  if (tensor === undefined) throw new Error(`value %${value} is read before it is computed`);
  return tensor;
}

/** By node, the values that no later node and no output reads. */
function expiringAt(graph: Graph): ReadonlyMap<Value, readonly Value[]> {
  const lastUse = graph.nodes.map((_, value) => value);
  graph.nodes.forEach((node, user) => {
    if (node.kind === 'op') for (const operand of node.operands) lastUse[operand] = user;
  });
  for (const { value } of graph.outputs) {
    nodeOf(graph, value);
    lastUse[value] = graph.nodes.length;
  }
  const expiring = new Map<Value, Value[]>();
  lastUse.forEach((user, value) => {
    const others = expiring.get(user);
    if (others === undefined) expiring.set(user, [value]);
    else others.push(value);
  });
  return expiring;
}
