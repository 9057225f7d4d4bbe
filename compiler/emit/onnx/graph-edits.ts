import type { GraphProto, NodeProto, ValueInfoProto } from './schema.ts';

/** Nodes and initializers that an output needs; inputs stay, they are the model's signature. */
export function sweep(graph: GraphProto): GraphProto {
  const needed = new Set(graph.output.map((o) => o.name));
  const kept: NodeProto[] = [];
  const inner = new Set<string>();
  for (let i = graph.node.length - 1; i >= 0; i--) {
    const node = graph.node[i];
    if (node === undefined || !node.output.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of node.input) needed.add(name);
    for (const name of node.output) inner.add(name);
  }
  for (const { name } of graph.output) inner.delete(name);
  return {
    ...graph,
    node: kept.reverse(),
    initializer: graph.initializer.filter((t) => needed.has(t.name)),
    // A value that two nodes of the source share, such as a copy, is declared once.
    valueInfo: graph.valueInfo.filter((v) => inner.delete(v.name)),
  };
}

/** The node with some values under other names. */
export function rename(node: NodeProto, names: ReadonlyMap<string, string>): NodeProto {
  const isNamed = (name: string): boolean => names.has(name);
  if (!node.input.some(isNamed) && !node.output.some(isNamed)) return node;
  const replace = (name: string): string => names.get(name) ?? name;
  return { ...node, input: node.input.map(replace), output: node.output.map(replace) };
}

/**
 * Gives the graph its outputs: the node that computes one takes its name; what is an input, an initializer or
 * already another output is copied by an Identity.
 */
export function nameOutputs(
  graph: GraphProto,
  outputs: readonly { readonly value: string; readonly info: ValueInfoProto }[],
): GraphProto {
  const computed = new Set(graph.node.flatMap((n) => n.output));
  const names = new Map<string, string>();
  const copies: NodeProto[] = [];
  for (const { value, info } of outputs) {
    if (computed.has(value) && !names.has(value)) names.set(value, info.name);
    else
      copies.push({
        name: info.name,
        opType: 'Identity',
        input: [value],
        output: [info.name],
        attribute: [],
      });
  }
  return {
    ...graph,
    node: [
      ...graph.node.map((n) => rename(n, names)),
      ...copies.map((n) => ({ ...rename(n, names), output: n.output })),
    ],
    output: outputs.map((o) => o.info),
    valueInfo: graph.valueInfo.map((v) => ({ ...v, name: names.get(v.name) ?? v.name })),
  };
}

/** Initializers take the names of those that they replace, where these are gone. */
export function takeNames(graph: GraphProto, replacements: ReadonlyMap<string, string>): GraphProto {
  const present = new Set(graph.initializer.map((t) => t.name));
  const names = new Map<string, string>();
  for (const [name, original] of replacements) {
    if (!present.has(name) || present.has(original)) continue;
    present.add(original);
    names.set(name, original);
  }
  return {
    ...graph,
    node: graph.node.map((n) => rename(n, names)),
    initializer: graph.initializer.map((t) => ({ ...t, name: names.get(t.name) ?? t.name })),
  };
}
