import { type Graph, type Node, nodeOf, type OpNode, type Phase, type Value } from '../../ir/graph.ts';
import type { PoolWindow } from '../../ir/op-attributes.ts';
import { siteName } from '../../ir/quantizers.ts';
import type { FloatElement, IntElement, Rounding } from '../../numeric/format.ts';
import type { Reference } from './contract.ts';

/** A place where rounding perturbs the step: `at` is `x` in the reference and `x` rounded in the quantized step. */
export interface SitePoint {
  /** Unique: the site's name, with `#i` where a step has several forward passes. */
  readonly name: string;
  /** The site's name in the plan. */
  readonly site: string;
  readonly phase: Phase;
  readonly x: Value;
  readonly at: Value;
  /** The planned format's scale at this x. */
  readonly scale: Value;
  readonly element: IntElement | FloatElement;
  readonly rounding: Rounding;
}

/** Where a cotangent `v` passes a mask or a routing: `at` is what comes out. */
export interface BackwardKink {
  readonly v: Value;
  readonly at: Value;
}

/** A relu or max pooling whose derivative jumps with the sign of `z`, or with the winner among each window of `z`. */
export interface Kink {
  readonly name: string;
  readonly kind: 'relu' | 'pool';
  readonly z: Value;
  /** The name of z by which passes know it. */
  readonly operand: string;
  /** The result in F. */
  readonly forward: Value;
  readonly backward: readonly BackwardKink[];
  /** Of a pooling: its window, and whether it reads relu(z). */
  readonly window?: PoolWindow;
  readonly rectified?: boolean;
}

/** A standardization by moments of the batch: `at` is its result. */
export interface Normalization {
  readonly name: string;
  readonly at: Value;
  readonly axes: readonly number[];
}

/** The step without the quantizers under study, and every place at which they, and switches, perturb it. */
export interface Perturbed {
  readonly nodes: readonly Node[];
  /** The new value of each value of the original graph. */
  readonly renamed: (original: Value) => Value;
  readonly sites: readonly SitePoint[];
  readonly kinks: readonly Kink[];
  readonly normalizations: readonly Normalization[];
}

interface DraftKink extends Omit<Kink, 'operand'> {
  readonly backward: BackwardKink[];
}

/**
 * Replaces every quantizer under study by an identity with a value of its own, so that the graph is the step in real
 * arithmetic and its derivatives in those values are what roundings do. In the reference `quantized_point` the quantizers of F stay.
 *
 * A pooling of relu(z) is made to choose its winner among z, which changes no value (relu is monotone, and where a window of z is
 * negative the mask behind takes all), but tells how far each loser is from winning even below zero.
 *
 * @param isSite whether a quantizer of this name is a site of the plan
 */
export function perturb(graph: Graph, reference: Reference, isSite: (name: string) => boolean): Perturbed {
  const nodes: Node[] = [...graph.nodes];
  const to: Value[] = [];
  const sites: SitePoint[] = [];
  const kinks = new Map<string, DraftKink>();
  const normalizations: Normalization[] = [];
  const named = new Map<string, number>();
  const push = (node: Node): Value => nodes.push(node) - 1;
  const mapped = (value: Value): Value => to[value] ?? value;
  const identity = (x: Value, like: Node): Value => push(identityNode(x, like));
  const relus = reluOperands(graph);
  const kept = (node: Node): boolean => reference === 'quantized_point' && node.origin.phase === 'F';

  const plain = (value: Value, node: OpNode): Value => {
    const operands = node.operands.map(mapped);
    if (operands.every((x, i) => x === node.operands[i])) return value;
    return push({ ...node, operands } as Node);
  };
  const site = (node: OpNode<'quantize' | 'quantizeStochastic'>): Value => {
    const [x = 0, scale = 0] = node.operands.map(mapped);
    const name = node.origin.name ?? '';
    const at = identity(x, node as Node);
    const rounding = node.op === 'quantize' ? 'nearest' : 'stochastic';
    const { element } = node.attributes;
    sites.push({ name, site: siteName(name), phase: node.origin.phase, x, at, scale, element, rounding });
    return at;
  };
  const kink = (key: string, draft: () => DraftKink): DraftKink => {
    const known = kinks.get(key);
    if (known) return known;
    const made = draft();
    kinks.set(key, made);
    return made;
  };

  /** Names that random signs follow: by what stands there, not by the numbers of nodes, which any constant more would shift. */
  const unique = (name: string): string => {
    const count = (named.get(name) ?? 0) + 1;
    named.set(name, count);
    return `${name}@${count}`;
  };

  graph.nodes.forEach((node, value) => {
    to[value] = node.kind === 'op' ? rewritten(node, value) : value;
  });

  function rewritten(node: OpNode & Node, value: Value): Value {
    if (node.kind !== 'op') return value;
    switch (node.op) {
      case 'quantize':
      case 'quantizeStochastic':
        return isSite(siteName(node.origin.name ?? '')) && !kept(node) ? site(node) : plain(value, node);
      case 'quantizeMask':
        return reference === 'quantized_point' ? plain(value, node) : push(ones(node));
      case 'quantizeCotangent':
        return mapped(node.operands[0] ?? 0);
      case 'relu': {
        const z = mapped(node.operands[0] ?? 0);
        const forward = identity(plain(value, node), node);
        const name = unique(node.origin.name ?? 'relu');
        kink(`relu ${node.operands[0]}`, () => ({ name, kind: 'relu', z, forward, backward: [] }));
        return forward;
      }
      case 'mul': {
        const mask = node.operands.findIndex((x) => relus.masks.has(x));
        if (mask < 0) return plain(value, node);
        const at = identity(plain(value, node), node);
        const z = relus.masks.get(node.operands[mask] ?? 0);
        kinks.get(`relu ${z}`)?.backward.push({ v: mapped(node.operands[1 - mask] ?? 0), at });
        return at;
      }
      case 'standardize': {
        const at = identity(plain(value, node), node);
        const name = unique(node.origin.name ?? 'standardize');
        normalizations.push({ name, at, axes: node.attributes.axes });
        return at;
      }
      case 'maxPool':
      case 'maxPoolRoute':
        return pool(node);
      default:
        return plain(value, node);
    }
  }

  function pool(node: OpNode<'maxPool'> | OpNode<'maxPoolRoute'>): Value {
    const [x = 0, v] = node.operands;
    const below = relus.operand.get(x);
    const z = mapped(below ?? x);
    const key = `pool ${x} ${JSON.stringify(node.attributes)}`;
    if (v === undefined) {
      const picked = { ...node, op: 'maxPoolPick', operands: [z, mapped(x)] } as Node;
      const forward = identity(push(picked), node as Node);
      const name = unique(node.origin.name ?? 'pool');
      const window = node.attributes;
      const rectified = below !== undefined;
      kink(key, () => ({ name, kind: 'pool', z, forward, backward: [], window, rectified }));
      return forward;
    }
    const at = identity(push({ ...node, operands: [z, mapped(v)] } as Node), node as Node);
    kinks.get(key)?.backward.push({ v: mapped(v), at });
    return at;
  }

  // At a quantized point the forward values are what they are, and nothing switches or is normalized anew.
  if (reference === 'quantized_point')
    return { nodes, renamed: mapped, sites, kinks: [], normalizations: [] };
  // A relu and a pooling may share an operand, which is one value under one name.
  const operands = new Map<Value, string>();
  const complete = [...kinks.values()].map((draft): Kink => {
    const operand = operands.get(draft.z) ?? `z:${draft.name}`;
    operands.set(draft.z, operand);
    return { ...draft, operand };
  });
  return { nodes, renamed: mapped, sites, kinks: complete, normalizations };
}

/** A reshape to its own shape: the identity, as a node of its own. */
function identityNode(x: Value, like: Node): Node {
  const { type, origin } = like;
  return { kind: 'op', op: 'reshape', operands: [x], attributes: { shape: type.shape }, type, origin };
}

function ones({ type, origin }: OpNode): Node {
  return { kind: 'constant', data: [1], type, origin };
}

/** By relu, its operand; by mask `step z` of some relu, z. */
function reluOperands(graph: Graph): {
  readonly operand: ReadonlyMap<Value, Value>;
  readonly masks: ReadonlyMap<Value, Value>;
} {
  const operand = new Map<Value, Value>();
  graph.nodes.forEach((node, value) => {
    if (node.kind === 'op' && node.op === 'relu') operand.set(value, node.operands[0] ?? 0);
  });
  const rectified = new Set(operand.values());
  const masks = new Map<Value, Value>();
  graph.nodes.forEach((node, value) => {
    const [z = -1] = node.kind === 'op' && node.op === 'step' ? node.operands : [];
    if (rectified.has(z)) masks.set(value, z);
  });
  return { operand, masks };
}

/** The shape of a value. */
export function shapeOf(perturbed: Pick<Perturbed, 'nodes'>, value: Value): readonly number[] {
  return nodeOf(perturbed, value).type.shape;
}
