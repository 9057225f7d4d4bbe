import { local } from '../../functional/apply.ts';
import { FunctionalBuilder } from '../../functional/builder.ts';
import type { NodeId } from '../../functional/functional.ts';
import { tangent } from '../../functional/tangent.ts';
import type { Errors, ErrorTerms } from '../../ir/bound-rules.ts';
import type { Graph, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { isQuantizer, siteName } from '../../ir/quantizers.ts';
import { add, type Bound, compare, multiply, ZERO } from '../../numeric/bound.ts';
import type { Span } from '../../source/source.ts';
import { functionals, NUMBERS } from './algebras.ts';
import { type PreparedStep, passErrors } from './pass.ts';

/** Where a part of a bound comes from. */
export interface Contribution {
  /** A site whose quantizer rounds; a value whose masks or winners may switch; or float32 rounding, all of it together. */
  readonly kind: 'quantizer' | 'switches' | 'float32';
  readonly name: string;
  readonly span: Span | undefined;
  /** What it adds to the bound to first order, in the bound's norm. */
  readonly amount: Bound;
}

const SWITCHES: ReadonlySet<OpName> = new Set(['step', 'maxPoolRoute', 'maxPoolPick', 'quantizeMask']);

const PRODUCTS: ReadonlySet<OpName> = new Set(['matmul', 'conv2d', 'conv2dInputGrad']);

interface Source {
  readonly kind: Contribution['kind'];
  readonly name: string;
  readonly span: Span | undefined;
}

/** The source of what an op adds of its own, and of what a discontinuous op makes of its operand's error. */
function sourceOf(step: PreparedStep, value: Value): Source {
  const { graph } = step;
  const node = nodeOf(graph, quantizerBehind(graph, roundedWeights(step, value)) ?? value);
  const { name, span } = node.origin;
  if (node.kind === 'op' && isQuantizer(node.op)) {
    return { kind: 'quantizer', name: siteName(name ?? node.op), span };
  }
  if (node.kind === 'op' && SWITCHES.has(node.op)) return { kind: 'switches', name: name ?? node.op, span };
  return { kind: 'float32', name: 'float32 rounding', span: undefined };
}

/**
 * The sources of the error of some values of a step taken as one vector, in the 2-norm, largest first. A bound is a sum of products, so
 * what a source adds is its gain at the bound times its size: first order, and no bound by itself.
 */
export function contributionsOf(step: PreparedStep, values: readonly Value[]): readonly Contribution[] {
  const sizes = new Map<string, Errors<Bound>>();
  const sources = new Map<string, Source>();
  const keyOf = (value: Value): string => {
    const source = sourceOf(step, value);
    const key = source.kind === 'float32' ? source.name : `${source.kind} ${source.name} %${value}`;
    sources.set(key, source);
    return key;
  };
  passErrors(step, {
    algebra: NUMBERS,
    terms: (value, terms) => {
      const place = placeOf(step, value);
      const own = place === 'local' ? terms.local : terms.through[place ?? -1];
      if (own !== undefined) sizes.set(keyOf(value), own);
      return terms;
    },
  });
  const keys = [...sizes.keys()].filter((key) => sources.get(key)?.kind !== 'float32');
  const builder = new FunctionalBuilder(keys.flatMap((key) => [`${key} ∞`, `${key} ₂`]));
  const errors = passErrors(step, {
    algebra: functionals(builder),
    terms: (value, terms) => named(step, value, terms, keyOf(value), builder),
  });
  const parts = values.flatMap((value) => {
    const e = errors[value];
    return e === undefined ? [] : [e.two];
  });
  const functional = builder.build([['all', builder.norm(parts)]]);
  const point = new Map<string, Bound>(
    keys.flatMap((key) => {
      const own = sizes.get(key);
      return [
        [`${key} ∞`, own?.inf ?? ZERO],
        [`${key} ₂`, own?.two ?? ZERO],
      ] as const;
    }),
  );
  const all = tangent(functional, point).get('all');
  const amounts = new Map<string, Contribution>();
  for (const key of keys) {
    const amount = [`${key} ∞`, `${key} ₂`]
      .map((name) => multiply(all?.gains.get(name) ?? ZERO, point.get(name) ?? ZERO))
      .reduce(add, ZERO);
    const source = sources.get(key);
    if (source === undefined || amount.mantissa === 0) continue;
    const label = `${source.kind} ${source.name}`;
    const known = amounts.get(label);
    amounts.set(label, { ...source, amount: known === undefined ? amount : add(known.amount, amount) });
  }
  const rest = local(functional).get('all') ?? ZERO;
  const float32: Contribution = { kind: 'float32', name: 'float32 rounding', span: undefined, amount: rest };
  return [...amounts.values(), ...(rest.mantissa === 0 ? [] : [float32])].sort((a, b) =>
    compare(b.amount, a.amount),
  );
}

/** Which part of an op's error is a source's: its own rounding, or what one operand brings. */
function placeOf(step: PreparedStep, value: Value): 'local' | number | undefined {
  const node = nodeOf(step.graph, value);
  if (node.kind !== 'op') return undefined;
  if (isQuantizer(node.op)) return 'local';
  if (SWITCHES.has(node.op)) return 0;
  return roundedWeights(step, value) === undefined ? undefined : 1;
}

/** The weights that a product reads whose rounding is known: it counts where they are used, far below what their size allows. */
function roundedWeights({ graph, facts }: PreparedStep, value: Value): Value | undefined {
  const node = nodeOf(graph, value);
  if (node.kind !== 'op' || !PRODUCTS.has(node.op)) return undefined;
  const weights = node.operands[1];
  return weights !== undefined && facts.roundings[weights] !== undefined ? weights : undefined;
}

/** The quantizer that a value comes from, through views of it. */
function quantizerBehind(graph: Graph, value: Value | undefined): Value | undefined {
  const node = value === undefined ? undefined : nodeOf(graph, value);
  if (node?.kind !== 'op') return undefined;
  return isQuantizer(node.op) ? value : quantizerBehind(graph, node.operands[0]);
}

/** The terms with an input of the functional in place of what the source adds. */
function named(
  step: PreparedStep,
  value: Value,
  terms: ErrorTerms<NodeId>,
  key: string,
  builder: FunctionalBuilder,
): ErrorTerms<NodeId> {
  const place = placeOf(step, value);
  if (place === undefined) return terms;
  const input = { inf: builder.input(`${key} ∞`), two: builder.input(`${key} ₂`) };
  if (place === 'local') return { ...terms, local: input };
  return { ...terms, through: terms.through.map((e, i) => (i === place ? input : e)) };
}
