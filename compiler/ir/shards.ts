import { type Graph, type InputNode, type Node, nodeOf, type Output, type Value } from './graph.ts';
import { PRODUCTS } from './products.ts';

/** F and B of one part of the batch. */
export interface Shard {
  /**
   * Reads inputs of the step under their names, of the batch's only the shard's rows. Gives those outputs of the step that it computes alone, and
   * what {@link ShardedStep.rest} reads of it.
   */
  readonly graph: Graph;
  /** Rows of the batch: from the first to before the second. */
  readonly rows: readonly [from: number, to: number];
}

/** A step in parts that can run side by side. Together they compute the values of the step's graph, each by the same ops. */
export interface ShardedStep {
  readonly shards: readonly Shard[];
  /** What joins the shards, and U. Reads inputs of the step, and as further ones what shards give, under the names of their outputs. */
  readonly rest: Graph;
}

/** Whom a value belongs to: the shard of that number, no part of the batch, or several. */
type Owner = number;
const NONE: Owner = -1;
const SEVERAL: Owner = -2;

/**
 * The step by parts of its batch, where every op reads the batch through slices of rows that do not overlap, as `accumulate` and `allreduce` make
 * them; undefined where it does not, where there is only one, or where F of one part needs what another one computes. What depends on no part
 * of the batch, such as quantized weights, is computed by each shard that needs it.
 */
export function shardsOf(graph: Graph): ShardedStep | undefined {
  const slices = slicesOf(graph);
  if (slices === undefined || slices.rows.length < 2) return undefined;
  const { rows, shardOf } = slices;
  const owners = ownersOf(graph, shardOf);
  // A part that waits for another one, at a moving average for instance, runs beside none.
  const waits = graph.nodes.some(
    (n, value) => n.kind === 'op' && PRODUCTS.has(n.op) && owners[value] === SEVERAL,
  );
  if (waits) return undefined;
  const crossing = crossingValues(graph, owners);
  const crossingName = (value: Value): string => `shard ${(owners[value] ?? 0) + 1} %${value}`;
  const shards = rows.map((range, shard): Shard => {
    const own = (value: Value): boolean => owners[value] === shard;
    const outputs = [
      ...graph.outputs.filter(({ value }) => own(value)),
      ...crossing.filter(own).map((value) => ({ name: crossingName(value), value })),
    ];
    const given = new Map<Value, Node>();
    for (const [value, of] of shardOf) if (of === shard) given.set(value, rowsInput(graph, value));
    return { graph: part(graph, outputs, given), rows: range };
  });
  const given = new Map(crossing.map((value) => [value, givenInput(graph, value, crossingName(value))]));
  const joined = graph.outputs.filter(({ value }) => (owners[value] ?? NONE) < 0);
  return { shards, rest: part(graph, joined, given) };
}

/** The slices through which the batch is read, each with the number of its range; undefined where it is read otherwise. */
function slicesOf(graph: Graph) {
  const found = new Map<Value, readonly [number, number]>();
  for (const [value, node] of graph.nodes.entries()) {
    if (node.kind !== 'op' || !node.operands.some((operand) => isBatch(graph, operand))) continue;
    const range = node.op === 'slice' ? rowsOf(node, nodeOf(graph, node.operands[0] ?? -1)) : undefined;
    if (range === undefined) return undefined;
    found.set(value, range);
  }
  const ranges = new Map([...found.values()].map((range) => [range.join(), range]));
  const rows = [...ranges.values()].sort(([a], [b]) => a - b);
  if (rows.some(([from], i) => from < (rows[i - 1]?.[1] ?? 0))) return undefined;
  const places = new Map(rows.map((range, place) => [range.join(), place]));
  return {
    rows,
    shardOf: new Map([...found].map(([value, range]) => [value, places.get(range.join()) ?? 0])),
  };
}

function isBatch(graph: Graph, value: Value): boolean {
  const node = nodeOf(graph, value);
  return node.kind === 'input' && node.role === 'batch';
}

/** The rows that a slice takes, where it takes them whole. */
function rowsOf(
  { attributes }: Extract<Node, { op: 'slice' }>,
  { type: { shape } }: Node,
): readonly [number, number] | undefined {
  const { starts, ends } = attributes;
  const isWhole = shape.every((n, axis) => axis === 0 || (starts[axis] === 0 && ends[axis] === n));
  return isWhole ? [starts[0] ?? 0, ends[0] ?? 0] : undefined;
}

function ownersOf(graph: Graph, shardOf: ReadonlyMap<Value, number>): Int32Array {
  const owners = new Int32Array(graph.nodes.length).fill(NONE);
  for (const [value, node] of graph.nodes.entries()) {
    if (node.kind !== 'op') continue;
    let owner = shardOf.get(value) ?? NONE;
    for (const operand of node.operands) owner = both(owner, owners[operand] ?? NONE);
    owners[value] = owner;
  }
  return owners;
}

function both(a: Owner, b: Owner): Owner {
  if (a === NONE || a === b) return b;
  return b === NONE ? a : SEVERAL;
}

/** Values of one shard that ops of several read. */
function crossingValues(graph: Graph, owners: Int32Array): readonly Value[] {
  const crossing = new Set<Value>();
  for (const [value, node] of graph.nodes.entries()) {
    if (node.kind !== 'op' || owners[value] !== SEVERAL) continue;
    for (const operand of node.operands) if ((owners[operand] ?? NONE) >= 0) crossing.add(operand);
  }
  return [...crossing].sort((a, b) => a - b);
}

/** A batch input as one shard reads it: in place of the slice. */
function rowsInput(graph: Graph, slice: Value): InputNode {
  const node = nodeOf(graph, slice);
  const batch = node.kind === 'op' ? nodeOf(graph, node.operands[0] ?? -1) : node;
  if (batch.kind !== 'input') throw new Error(`%${slice} is no slice of the batch`);
  return { ...batch, type: node.type };
}

function givenInput(graph: Graph, value: Value, input: string): InputNode {
  const { type, origin } = nodeOf(graph, value);
  return { kind: 'input', input, role: 'batch', type, origin };
}

/** What the outputs need, with some values given instead of computed; inputs that nothing reads are left out. */
function part(graph: Graph, outputs: readonly Output[], given: ReadonlyMap<Value, Node>): Graph {
  const needed = new Uint8Array(graph.nodes.length);
  for (const { value } of outputs) needed[value] = 1;
  for (let value = needed.length - 1; value >= 0; value--) {
    const node = graph.nodes[value];
    if (needed[value] === 0 || node?.kind !== 'op' || given.has(value)) continue;
    for (const operand of node.operands) needed[operand] = 1;
  }
  const moved = new Map<Value, Value>();
  const at = (value: Value): Value => moved.get(value) ?? -1;
  const nodes: Node[] = [];
  for (const [value, node] of graph.nodes.entries()) {
    if (needed[value] === 0) continue;
    moved.set(value, nodes.length);
    const stand = given.get(value) ?? node;
    nodes.push(stand.kind === 'op' ? { ...stand, operands: stand.operands.map(at) } : stand);
  }
  return { name: graph.name, nodes, outputs: outputs.map(({ name, value }) => ({ name, value: at(value) })) };
}
