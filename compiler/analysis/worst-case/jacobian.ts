import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../ir/op-attributes.ts';
import type { Gate, SlopeContext, Slopes } from '../../ir/slopes.ts';
import { REGISTRY } from '../../ops/registry.ts';
import type { Facts } from './facts.ts';

/** Slopes by value, or the op at which they cannot be had. */
export type JacobianResult =
  | { readonly slopes: ReadonlyMap<Value, Slopes>; readonly unsupported: undefined }
  | { readonly slopes: undefined; readonly unsupported: OpName };

/** The gate of a relu or pooling; undefined where nothing is known of it. */
export type Gates = (value: Value) => Gate | undefined;

/**
 * Slopes of each element of `output`, a value of one sample, in every value between it and `from`, with weights as they are in real
 * arithmetic: a walk back through the slope rules of the ops.
 */
export function slopesOf(
  graph: Graph,
  facts: Facts,
  from: Value,
  output: Value,
  gates: Gates = () => undefined,
): JacobianResult {
  const active = onPath(graph, from, output);
  const { shape } = nodeOf(graph, output).type;
  const slopes = new Map<Value, Slopes>([[output, identityOf(sizeOf(shape), shape)]]);
  for (let value = output; value > from; value--) {
    const own = slopes.get(value);
    const node = nodeOf(graph, value);
    if (own === undefined || node.kind !== 'op' || !active[value]) continue;
    const found = backwards(graph, node as OpNode, own, facts, active, gates(value));
    if (found === undefined) return { slopes: undefined, unsupported: node.op };
    node.operands.forEach((operand, i) => {
      const more = found[i];
      if (more === undefined || active[operand] !== true) return;
      const known = slopes.get(operand);
      slopes.set(operand, known === undefined ? more : sumOf(known, more));
    });
  }
  return { slopes, unsupported: undefined };
}

function identityOf(size: number, shape: readonly number[]): Slopes {
  const data = new Float64Array(size * size);
  for (let k = 0; k < size; k++) data[k * size + k] = 1;
  return { center: { shape: [size, ...shape.slice(1)], data }, rest: new Float64Array(size) };
}

function onPath(graph: Graph, from: Value, output: Value): readonly boolean[] {
  const active = new Array<boolean>(output + 1).fill(false);
  active[from] = true;
  for (let value = from + 1; value <= output; value++) {
    const node = nodeOf(graph, value);
    if (node.kind === 'op' && node.operands.some((operand) => active[operand])) active[value] = true;
  }
  return active;
}

function backwards<K extends OpName>(
  graph: Graph,
  node: OpNode<K>,
  slopes: Slopes,
  facts: Facts,
  active: readonly boolean[],
  gate: Gate | undefined,
): readonly (Slopes | undefined)[] | undefined {
  const at = (i: number): Value => node.operands[i] ?? -1;
  const context: SlopeContext<K> = {
    attributes: node.attributes,
    operandTypes: node.operands.map((operand) => nodeOf(graph, operand).type),
    type: node.type,
    slopes,
    isActive: (i) => active[at(i)] === true,
    known: (i) => facts.known[at(i)] ?? constantOf(graph, at(i)),
    norm: (i, key, compute) =>
      facts.memo(at(i), `slope norm ${key}`, () => compute(tensorOf(graph, facts, at(i)))),
    gate,
    evaluate,
  };
  return REGISTRY[node.op].bounds.slopes?.(context);
}

function tensorOf(graph: Graph, facts: Facts, value: Value): NdArray {
  const tensor = facts.known[value] ?? constantOf(graph, value);
  if (tensor === undefined) throw new Error(`%${value} is not known`);
  return tensor;
}

function constantOf(graph: Graph, value: Value): NdArray | undefined {
  const node = nodeOf(graph, value);
  if (node.kind !== 'constant') return undefined;
  const size = sizeOf(node.type.shape);
  const splat = node.data.length !== size;
  return {
    shape: node.type.shape,
    data: splat ? new Float64Array(size).fill(node.data[0] ?? 0) : Float64Array.from(node.data),
  };
}

function evaluate<K extends OpName>(
  op: K,
  attributes: OpAttributes[K],
  operands: readonly NdArray[],
  shape: readonly number[],
): NdArray {
  const noise = (): never => {
    throw new Error(`${op} reads no noise`);
  };
  return REGISTRY[op].evaluate({ attributes, operands, type: { dtype: 'f32', shape }, noise });
}

function sumOf(a: Slopes, b: Slopes): Slopes {
  const { shape, data } = a.center;
  const center = { shape, data: data.map((x, i) => x + (b.center.data[i] ?? 0)) };
  const [rows = 1] = shape;
  const columns = data.length / rows;
  const rest = a.rest.map((r, k) => {
    let squares = 0;
    for (let i = k * columns; i < (k + 1) * columns; i++) squares += (center.data[i] ?? 0) ** 2;
    return (r + (b.rest[k] ?? 0) + Math.sqrt(squares) * 2 ** -52) * (1 + 2 ** -40);
  });
  return { center, rest };
}
