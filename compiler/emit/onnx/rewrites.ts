import { floatAttribute, intAttribute, intsAttribute, makeAttribute } from './attributes.ts';
import { rename, sweep } from './graph-edits.ts';
import { GraphView, type Target } from './graph-view.ts';
import type { GraphProto, NodeProto } from './schema.ts';
import { type Dim, type Shape, shapesAgree } from './value-type.ts';

/**
 * Small changes to an emitted graph that keep its values (sums may round in another order), and with them their types: no value
 * gets another shape under its name. Each returns the graph itself where it changes nothing, and can be switched off, so
 * that a test can compare with and without.
 */
const TABLE = {
  identity: dropIdentities,
  expand: dropExpansions,
  bias: foldConvBias,
  gemm: foldGemmSummand,
} satisfies Record<string, (view: GraphView) => GraphProto>;

export type RewriteName = keyof typeof TABLE;
/** All are on unless switched off. */
export type Rewrites = { readonly [K in RewriteName]?: boolean };
export const REWRITE_NAMES = Object.keys(TABLE) as RewriteName[];

/** Applies the rewrites in the table's order, then drops what nothing reads any more. */
export function rewrite(graph: GraphProto, switches: Rewrites, target: Target): GraphProto {
  let view = new GraphView(sweep(graph), target);
  for (const name of REWRITE_NAMES) {
    if (switches[name] === false) continue;
    const rewritten = TABLE[name](view);
    if (rewritten !== view.graph) view = view.of(sweep(rewritten));
  }
  return view.graph;
}

/** Identity, and shape operators that change no shape, are bypassed where what they copy is not itself an output. */
function dropIdentities(view: GraphView): GraphProto {
  const { graph } = view;
  const outputs = new Set(graph.output.map((o) => o.name));
  const bypassed = new Map<string, string>();
  const node = graph.node.flatMap((original) => {
    const current = rename(original, bypassed);
    const [from] = current.input;
    const [to] = current.output;
    if (from === undefined || to === undefined || outputs.has(to) || !isIdentity(view, original))
      return [current];
    bypassed.set(to, from);
    return [];
  });
  if (bypassed.size === 0) return graph;
  return { ...graph, node };
}

function isIdentity(view: GraphView, node: NodeProto): boolean {
  if (node.opType === 'Identity') return true;
  if (node.opType === 'Transpose')
    return intsAttribute(node, 'perm')?.every((axis, i) => axis === i) === true;
  if (node.opType !== 'Reshape' && node.opType !== 'Expand') return false;
  const before = view.shape(node.input[0]);
  const after = view.shape(node.output[0]);
  return isComplete(before) && isComplete(after) && shapesAgree(before, after);
}

function isComplete(shape: Shape): boolean {
  return shape !== undefined && !shape.includes(undefined);
}

const BROADCASTING = new Set(['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max']);

/** An operator that broadcasts needs no expanded operand where its other one has the result's shape anyway. */
function dropExpansions(view: GraphView): GraphProto {
  let changed = false;
  const node = view.graph.node.map((n) => {
    if (!BROADCASTING.has(n.opType) || n.input.length !== 2) return n;
    const result = view.shape(n.output[0]);
    let input = n.input;
    for (const [i, other] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const expanded = view.producer(input[i]);
      const shape = view.shape(input[other]);
      if (
        expanded?.opType !== 'Expand' ||
        !isComplete(shape) ||
        !isComplete(result) ||
        !shapesAgree(shape, result)
      )
        continue;
      const source = expanded.input[0] ?? '';
      changed = true;
      input = input.map((name, k) => (k === i ? source : name));
    }
    return input === n.input ? n : { ...n, input };
  });
  return changed ? { ...view.graph, node } : view.graph;
}

/** `Conv(x, w) + b` over channels is `Conv(x, w, b)`. */
function foldConvBias(view: GraphView): GraphProto {
  return foldAdditions(view, (product, summand) => {
    if (product.opType !== 'Conv' || product.input.length !== 2) return undefined;
    const result = view.shape(product.output[0]);
    const channels = result?.[1];
    if (result === undefined || typeof channels !== 'number') return undefined;
    const bias = channelVector(view, summand, result.length, channels);
    return bias === undefined ? undefined : { ...product, input: [...product.input, bias] };
  });
}

/** The vector `[C]` of which a value is a reshape to `[C, 1, 1]` or `[1, C, 1, 1]`. */
function channelVector(view: GraphView, name: string, rank: number, channels: number): string | undefined {
  const shape = view.shape(name);
  const node = view.producer(name);
  const source = node?.opType === 'Reshape' ? node.input[0] : undefined;
  if (shape === undefined || source === undefined || !shapesAgree(view.shape(source) ?? [], [channels]))
    return undefined;
  const axis = 1 - (rank - shape.length);
  return shape.every((d, i) => d === (i === axis ? channels : 1)) ? source : undefined;
}

/** `A·B + c` of matrices is one Gemm; written for deployment only, where integer kernels want it. */
function foldGemmSummand(view: GraphView): GraphProto {
  if (view.target.scheme !== 'qdq') return view.graph;
  return foldAdditions(view, (product, summand) => {
    const [a, b] = product.input;
    const gemm =
      product.opType === 'Gemm' && product.input.length === 2 && floatAttribute(product, 'alpha', 1) === 1;
    const matmul = product.opType === 'MatMul' && view.shape(a)?.length === 2 && view.shape(b)?.length === 2;
    if (!gemm && !matmul) return undefined;
    const columns = view.shape(product.output[0])?.[1];
    const source = rowVector(view, summand, columns);
    if (source === undefined) return undefined;
    const attribute = ['transA', 'transB'].flatMap((name) =>
      intAttribute(product, name, 0) === 1 ? [makeAttribute(name, 1)] : [],
    );
    return { ...product, opType: 'Gemm', input: [...product.input, source], attribute };
  });
}

/** The vector `[n]` that a value is, or is a reshape of to `[1, n]`. */
function rowVector(view: GraphView, name: string, columns: Dim): string | undefined {
  const shape = view.shape(name);
  if (typeof columns !== 'number' || shape === undefined) return undefined;
  if (shape.length === 1 && shape[0] === columns) return name;
  const node = view.producer(name);
  const source = node?.opType === 'Reshape' ? node.input[0] : undefined;
  const fits = shape.length === 2 && shape[0] === 1 && shape[1] === columns;
  return fits && shapesAgree(view.shape(source), [columns]) ? source : undefined;
}

/** Replaces `Add(product, summand)` by what `fold` makes of it, where nothing else reads the product. */
function foldAdditions(
  view: GraphView,
  fold: (product: NodeProto, summand: string) => NodeProto | undefined,
): GraphProto {
  const outputs = new Set(view.graph.output.map((o) => o.name));
  const folded = new Set<NodeProto>();
  const renamed = new Map<string, string>();
  const node = view.graph.node.map((n) => {
    if (n.opType !== 'Add') return n;
    const [a = '', b = ''] = n.input;
    const [sum = ''] = n.output;
    for (const [left, right] of [
      [a, b],
      [b, a],
    ] as const) {
      const product = view.producer(left);
      if (product === undefined || view.uses(left) !== 1) continue;
      const replacement = fold(product, right);
      if (replacement === undefined) continue;
      folded.add(product);
      if (outputs.has(sum)) return { ...replacement, output: n.output };
      renamed.set(sum, left);
      return replacement;
    }
    return n;
  });
  if (folded.size === 0) return view.graph;
  return { ...view.graph, node: node.filter((n) => !folded.has(n)).map((n) => rename(n, renamed)) };
}
