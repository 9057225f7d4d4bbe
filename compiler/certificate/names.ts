import type { Graph, Value } from '../ir/graph.ts';
import { PRODUCTS } from '../ir/products.ts';
import { isQuantizer, siteName } from '../ir/quantizers.ts';

/** Values that a certificate speaks of have names that tell where they are: `F c1.in`, `B c1.weights.grad`, `input x`. */

/**
 * Inputs that are real numbers; what each site rounds; of the values that carry one name otherwise, the last, a layer's output;
 * and the outputs: `F loss`, `B c1.weights.grad`, `U c1.weights`.
 */
export function namedTensors(graph: Graph): ReadonlyMap<string, Value> {
  const named = new Map<string, Value>();
  const fixed = new Set<string>();
  const inputs = new Set(graph.nodes.flatMap((node) => (node.kind === 'input' ? [node.input] : [])));
  graph.nodes.forEach((node, value) => {
    if (node.kind === 'input' && node.type.dtype === 'f32') named.set(`input ${node.input}`, value);
    if (node.kind !== 'op') return;
    const { phase, name } = node.origin;
    if (name === undefined || /\.(scale|noise)(#\d+)?$/.test(name)) return;
    const key = `${phase} ${name}`;
    const rounds = isQuantizer(node.op);
    if (rounds) fixed.add(key);
    if (rounds || !fixed.has(key)) named.set(key, value);
  });
  for (const { name, value } of graph.outputs) {
    const phase = name.endsWith('.grad') ? 'B' : inputs.has(name) ? 'U' : 'F';
    named.set(`${phase} ${name}`, value);
  }
  return named;
}

/** Quantizers by their site; where several summands have one, that of the first. */
export function namedQuantizers(graph: Graph): ReadonlyMap<string, Value> {
  const named = new Map<string, Value>();
  graph.nodes.forEach((node, value) => {
    if (node.kind !== 'op' || !isQuantizer(node.op) || node.origin.name === undefined) return;
    const site = siteName(node.origin.name);
    if (!named.has(site)) named.set(site, value);
  });
  return named;
}

/** Matrix products and convolutions: `F c1 conv2d`, and with a number from the second of a name on. */
export function namedProducts(graph: Graph): ReadonlyMap<string, Value> {
  const named = new Map<string, Value>();
  const seen = new Map<string, number>();
  graph.nodes.forEach((node, value) => {
    if (node.kind !== 'op' || !PRODUCTS.has(node.op)) return;
    const key = [node.origin.phase, node.origin.name, node.op].filter((part) => part !== undefined).join(' ');
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    named.set(count === 1 ? key : `${key} ${count}`, value);
  });
  return named;
}
