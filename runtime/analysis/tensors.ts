import type { Errors } from '../../compiler/ir/bound-rules.ts';
import type { Graph, Node, Phase, Role, Value } from '../../compiler/ir/graph.ts';
import { nodeOf } from '../../compiler/ir/graph.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { isQuantizer, siteName } from '../../compiler/ir/quantizers.ts';
import type { Bound } from '../../compiler/numeric/bound.ts';
import { F32, formatName } from '../../compiler/numeric/format.ts';
import type { Span } from '../../compiler/source/source.ts';
import type { StepAnalysis } from './analyse.ts';

/** One tensor of F, B or U that a user knows by name. */
export interface StepTensor {
  readonly phase: Phase;
  readonly name: string;
  readonly value: Value;
  readonly shape: readonly number[];
  readonly format: string;
  /** The real value lies in `[−neg, pos]`. */
  readonly pos: Bound;
  readonly neg: Bound;
  readonly norm2: Bound;
  readonly error: Errors<Bound>;
  readonly span: Span;
}

/** What belongs to a quantizer or a mask and is no tensor of the step by itself. */
const HELPERS: ReadonlySet<OpName> = new Set([
  'quantScale',
  'uniform',
  'normal',
  'quantizeMask',
  'quantizeCotangent',
  'step',
  'oneHot',
]);

interface Named {
  readonly phase: Phase;
  readonly name: string;
  readonly value: Value;
}

/**
 * Every named tensor, in the order in which the step makes them. A name stands on several values: of those a site rounds it is the rounded
 * one, of a layer's the last.
 */
export function tensorsOf({ compiled, worst }: StepAnalysis): readonly StepTensor[] {
  const { graph, facts } = worst.step;
  const { sites } = compiled.plan;
  return namedValues(graph, (name) => sites.has(siteName(name))).flatMap(
    ({ phase, name, value }): readonly StepTensor[] => {
      const node = nodeOf(graph, value);
      const [range, error] = [facts.ranges[value], worst.errors[value]];
      if (range === undefined || error === undefined) return [];
      const { pos, neg, norm2 } = range;
      const isRounded = node.kind === 'op' && isQuantizer(node.op);
      const format = formatName(isRounded ? (sites.get(siteName(name))?.format ?? F32) : F32);
      const { span } = node.origin;
      return [{ phase, name, value, shape: node.type.shape, format, pos, neg, norm2, error, span }];
    },
  );
}

function namedValues(graph: Graph, isSite: (name: string) => boolean): readonly Named[] {
  const found = new Map<string, Named>();
  const rounded = new Set<string>();
  graph.nodes.forEach((node, value) => {
    const name = nameOf(node);
    if (name === undefined) return;
    const { phase } = node.origin;
    const key = `${phase} ${name}`;
    const rounds = node.kind === 'op' && isQuantizer(node.op) && isSite(siteName(name));
    if (rounded.has(key) && !rounds) return;
    if (rounds) rounded.add(key);
    found.set(key, { phase, name, value });
  });
  const known = new Set([...found.values()].map(({ value }) => value));
  // Gradients and optimizer state that no site rounds have no name but the step's output.
  for (const { name, value } of graph.outputs) {
    const { phase } = nodeOf(graph, value).origin;
    if (nodeOf(graph, value).kind === 'op' && !known.has(value))
      found.set(`${phase} ${name}`, { phase, name, value });
  }
  return [...found.values()].toSorted((a, b) => a.value - b.value);
}

function nameOf(node: Node): string | undefined {
  if (node.type.dtype !== 'f32' || node.kind === 'constant') return undefined;
  if (node.kind === 'input') return READ.has(node.role) ? node.input : undefined;
  const { name } = node.origin;
  return HELPERS.has(node.op) || name === undefined || /\.(scale|noise)$/.test(name) ? undefined : name;
}

/** Inputs that F reads. */
const READ: ReadonlySet<Role> = new Set(['batch', 'parameter', 'buffer']);
