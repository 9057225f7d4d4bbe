import type { Builder } from '../../ir/builder.ts';
import { type Graph, type Node, nodeOf, type Output, sizeOf, type Value } from '../../ir/graph.ts';
import { prune } from '../../ir/prune.ts';
import { differentiate } from '../../lower/differentiate.ts';
import { add, inner } from '../../ops/algebra.ts';
import { newBuilder } from '../../ops/registry.ts';

/** A value under a name by which a pass feeds or reads it. */
export interface Named {
  readonly name: string;
  readonly value: Value;
}

/**
 * The graph whose outputs are the derivatives of `targets` along the inputs `tangent:NAME`, one for each point, frozen masks and
 * routings: `Σ_j J_j·t_j`. It is the reverse of the reverse: `⟨Jᵀu, t⟩` is linear in u, and its gradient in u is `J·t`
 * (Townsend, "A new trick for calculating Jacobian vector products", 2017).
 */
export function tangentGraph(
  nodes: readonly Node[],
  points: readonly Named[],
  targets: readonly Named[],
): Graph {
  const builder = newBuilder(nodes);
  const seeds = targets.map(({ name, value }) => input(builder, `cotangent:${name}`, value));
  const back = pullBack(builder, points, targets, seeds);
  const tangents = points.map(({ name, value }) => input(builder, `tangent:${name}`, value));
  const product = total(builder, back, tangents);
  const forward = differentiate(builder, product, seeds, originOf);
  return closed(
    builder.build(
      'tangents',
      targets.map(({ name }, i) => ({ name, value: forward[i] ?? 0 })),
    ),
  );
}

/** The graph whose outputs, under the points' names, are `Σ_k J_kᵀ·u_k` for the inputs `cotangent:NAME` of the targets. */
export function adjointGraph(
  nodes: readonly Node[],
  points: readonly Named[],
  targets: readonly Named[],
): Graph {
  const builder = newBuilder(nodes);
  const seeds = targets.map(({ name, value }) => input(builder, `cotangent:${name}`, value));
  const back = pullBack(builder, points, targets, seeds);
  return closed(
    builder.build(
      'adjoints',
      points.map(({ name }, i) => ({ name, value: back[i] ?? 0 })),
    ),
  );
}

/** The graph that computes values of the perturbed step. */
export function valuesGraph(nodes: readonly Node[], values: readonly Named[]): Graph {
  return closed({ name: 'values', nodes, outputs: [...values] satisfies Output[] });
}

function pullBack(
  builder: Builder,
  points: readonly Named[],
  targets: readonly Named[],
  seeds: readonly Value[],
): readonly Value[] {
  const product = total(
    builder,
    targets.map((t) => t.value),
    seeds,
  );
  return differentiate(
    builder,
    product,
    points.map((p) => p.value),
    originOf,
  );
}

function total(builder: Builder, a: readonly Value[], b: readonly Value[]): Value {
  const products = a.map((x, i) => inner(builder, x, b[i] ?? x));
  // Where nothing rounds there is nothing to sum.
  const [first = builder.constant(0), ...others] = products;
  return others.reduce((sum, product) => add(builder, sum, product), first);
}

function input(builder: Builder, name: string, like: Value): Value {
  const { type, origin } = nodeOf(builder, like);
  return builder.at({ phase: origin.phase, span: origin.span, name }, () =>
    builder.input(name, 'batch', type),
  );
}

/** Derivatives keep where they came from, under no name, for names are of sites. */
function originOf({ origin: { phase, span } }: Node) {
  return { phase, span };
}

/** The graph without what its outputs do not need, inputs too. */
function closed(graph: Graph): Graph {
  const { nodes, outputs, name } = prune(graph);
  const used = new Set<Value>(outputs.map((o) => o.value));
  for (const node of nodes) if (node.kind === 'op') for (const operand of node.operands) used.add(operand);
  const renamed = new Map<Value, Value>();
  const kept: Node[] = [];
  const at = (value: Value): Value => renamed.get(value) ?? 0;
  nodes.forEach((node, value) => {
    if (node.kind === 'input' && !used.has(value)) return;
    renamed.set(value, kept.length);
    kept.push(node.kind === 'op' ? { ...node, operands: node.operands.map(at) } : node);
  });
  return { name, nodes: kept, outputs: outputs.map((o) => ({ name: o.name, value: at(o.value) })) };
}

/** Values of a tensor of this graph. */
export function countOf(nodes: readonly Node[], value: Value): number {
  return sizeOf(nodeOf({ nodes }, value).type.shape);
}
