import { NUMBERS } from '../../compiler/analysis/worst-case/algebras.ts';
import { DOMAINS, type Domain } from '../../compiler/analysis/worst-case/domain.ts';
import { errorsOf } from '../../compiler/analysis/worst-case/errors.ts';
import { factsOf } from '../../compiler/analysis/worst-case/facts.ts';
import type { Errors, ErrorTerms, Range } from '../../compiler/ir/bound-rules.ts';
import { type Graph, type Node, nodeOf, type OpNode, type Value } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { type Bound, compare, fromNumber, isUnbounded, toNumber } from '../../compiler/numeric/bound.ts';
import { evaluateNode } from '../../compiler/ops/evaluate.ts';
import { fixedNoise } from '../support/calculus.ts';
import type { Adversary } from './adversary.ts';
import { computedConstant, computedOp } from './computed.ts';

/** An input as it is, as a program holds it, and what is said of it beforehand. */
export interface Tensor {
  readonly real: NdArray;
  readonly computed: NdArray;
  readonly range: Range;
  /** Whether the real tensor is at hand, as weights are. */
  readonly known: boolean;
}

/** A graph with its inputs by name. */
export interface Case {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

/**
 * The reference and the simulated program are themselves computed in float64, by the same ops with roundings 2²⁹ times smaller than
 * those that the rules bound: each is off by at most 2⁻²⁹ of the bound, and a norm over n < 2¹⁰ elements by `n·2⁻⁵³` of itself.
 */
const FLOAT64 = 1 + 2 ** -27;

/** In real arithmetic a quantizer is an identity, and its mask is 1. */
function realNode(
  node: Node,
  operand: (value: Value) => NdArray,
  inputs: ReadonlyMap<string, NdArray>,
): NdArray {
  if (node.kind === 'op') {
    const [first] = node.operands;
    if (first !== undefined && (node.op === 'quantize' || node.op === 'quantizeStochastic'))
      return operand(first);
    if (node.op === 'quantizeMask') {
      const { shape, data } = operand(first ?? -1);
      return { shape, data: data.map(() => 1) };
    }
  }
  return evaluateNode(node, operand, inputs, fixedNoise);
}

function stored(values: readonly NdArray[], value: Value): NdArray {
  const x = values[value];
  if (x === undefined) throw new Error(`%${value} is read before it is computed`);
  return x;
}

/** Every value of the graph in real arithmetic. */
export function realValues({ graph, inputs }: Case): readonly NdArray[] {
  const given = new Map(Array.from(inputs, ([name, { real }]) => [name, real]));
  const values: NdArray[] = [];
  for (const node of graph.nodes) values.push(realNode(node, (v) => stored(values, v), given));
  return values;
}

/** Every value of the graph as a program under the adversary's roundings has it. */
export function computedValues({ graph, inputs }: Case, adversary: Adversary): readonly NdArray[] {
  const values: NdArray[] = [];
  for (const node of graph.nodes) {
    if (node.kind === 'constant') values.push(computedConstant(node));
    else if (node.kind === 'input') values.push(inputs.get(node.input)?.computed ?? ndarray([NaN]));
    else
      values.push(
        computedOp(
          node as OpNode,
          node.operands.map((v) => stored(values, v)),
          adversary,
        ),
      );
  }
  return values;
}

/** Largest magnitude and 2-norm of what two tensors differ by, without overflow or underflow on the way. */
export function distanceOf(a: NdArray, b: NdArray): { readonly inf: number; readonly two: number } {
  return normsOf(a.data.map((x, i) => x - (b.data[i] ?? 0)));
}

export function normsOf(data: Float64Array): { readonly inf: number; readonly two: number } {
  let inf = 0;
  for (const x of data) {
    // NaN is above everything.
    if (!(Math.abs(x) <= inf)) inf = Math.abs(x);
    if (Number.isNaN(inf)) return { inf: Infinity, two: Infinity };
  }
  if (inf === 0 || inf === Infinity) return { inf, two: inf };
  let squares = 0;
  for (const x of data) squares += (x / inf) ** 2;
  return { inf, two: inf * Math.sqrt(squares) };
}

/** The error that an input has: what law 4 takes for ε, which is then as small as it can be. */
export function givenError({ real, computed }: Tensor): Errors<Bound> {
  const { inf, two } = distanceOf(computed, real);
  return { inf: fromNumber(inf * (1 + 2 ** -52)), two: fromNumber(two * (1 + 2 ** -40)) };
}

/** Whether a tensor that is at hand is what the program holds; others may be as they are. */
function isExactlyKnown({ real, computed, known }: Tensor): boolean {
  return !known || real.data.every((x, i) => x === computed.data[i]);
}

export interface Analysis {
  readonly ranges: readonly Range[];
  readonly errors: readonly Errors<Bound>[];
  readonly terms: ReadonlyMap<Value, ErrorTerms<Bound>>;
}

/** The bounds of a case in one domain; or those at a point, where masks know how far they are from switching. */
export function analyse({ graph, inputs }: Case, domain: Domain, point?: readonly NdArray[]): Analysis {
  const input = (name: string): Tensor => {
    const tensor = inputs.get(name);
    if (tensor === undefined) throw new Error(`there is no input '${name}'`);
    return tensor;
  };
  const everywhere = factsOf(
    graph,
    {
      range: ({ input: name }) => input(name).range,
      known: ({ input: name }) => (input(name).known ? input(name).real : undefined),
    },
    domain,
  );
  const facts = point === undefined ? everywhere : { ...everywhere, point };
  const terms = new Map<Value, ErrorTerms<Bound>>();
  const errors = errorsOf(graph, {
    algebra: NUMBERS,
    facts,
    domain,
    knownRoundings: Array.from(inputs.values()).every(isExactlyKnown),
    given: (value) => {
      const node = nodeOf(graph, value);
      return node.kind === 'input' ? givenError(input(node.input)) : undefined;
    },
    terms: (value, parts) => {
      terms.set(value, parts);
      return parts;
    },
  });
  return { ranges: facts.ranges, errors, terms };
}

/** Which values are computed from one that no float32 number holds: bounds are of programs that do not overflow. */
function beyond(graph: Graph, computed: readonly NdArray[]): readonly boolean[] {
  const spoiled: boolean[] = [];
  for (const node of graph.nodes) {
    const reads = (x: Value): boolean =>
      spoiled[x] === true || stored(computed, x).data.some((y) => !(Math.abs(y) < 2 ** 128));
    spoiled.push(node.kind === 'op' && node.operands.some(reads));
  }
  return spoiled;
}

const allowed = (bound: Bound): number => toNumber(bound) * FLOAT64;

/** What of the range does not hold; undefined where all of it does. */
function outside(range: Range, real: NdArray, computed: NdArray): string | undefined {
  const { inf, two } = normsOf(real.data);
  const most = Math.max(0, ...real.data);
  const least = Math.max(0, ...real.data.map((x) => -x));
  if (!(inf < Infinity)) return `a real value is ${inf}`;
  if (most > allowed(range.pos)) return `the real value ${most} is above pos ${toNumber(range.pos)}`;
  if (least > allowed(range.neg)) return `the real value −${least} is below neg ${toNumber(range.neg)}`;
  if (two > allowed(range.norm2)) return `the real 2-norm ${two} is above norm2 ${toNumber(range.norm2)}`;
  const away = toNumber(range.away) / FLOAT64;
  const cap = allowed(range.cap);
  for (const [name, { data }] of Object.entries({ real, computed })) {
    for (const x of data) {
      if (away > 0 && !(Math.abs(x) >= away))
        return `the ${name} value ${x} is nearer to 0 than away ${away}`;
      if (cap < Infinity && !(Math.abs(x) <= cap)) return `the ${name} value ${x} is above the cap ${cap}`;
      if (range.nonNegative && x < 0) return `the ${name} value ${x} is negative`;
    }
  }
  return undefined;
}

/** Ops whose error is smaller where the point is known. */
export const SWITCHING: ReadonlySet<OpName> = new Set<OpName>(['step', 'maxPoolRoute', 'maxPoolPick']);

/** How much of the bounds was used, by op. */
export type Usage = Map<string, { inf: number; two: number }>;

/**
 * Laws 4 and 6 on one case: every range holds, every observed error is within its bound, in both norms and in each domain, and the
 * meet is at most each. Returns what is violated.
 */
export function violation(one: Case, adversary: Adversary, usage?: Usage): string | undefined {
  const real = realValues(one);
  const computed = computedValues(one, adversary);
  const spoiled = beyond(one.graph, computed);
  const byDomain: (readonly [string, Analysis])[] = DOMAINS.map((domain) => [domain, analyse(one, domain)]);
  const meet = byDomain.find(([domain]) => domain === 'meet')?.[1];
  if (one.graph.nodes.some(({ kind, ...node }) => kind === 'op' && 'op' in node && SWITCHING.has(node.op))) {
    byDomain.push(['at the point', analyse(one, 'meet', real)]);
  }
  for (const [domain, { ranges, errors }] of byDomain) {
    for (let value = 0; value < one.graph.nodes.length; value++) {
      if (spoiled[value] === true) continue;
      const node = nodeOf(one.graph, value);
      const [range, error] = [ranges[value], errors[value]];
      if (range === undefined || error === undefined) throw new Error(`%${value} is not analysed`);
      const place = `${domain}: %${value} ${node.kind === 'op' ? node.op : node.kind}`;
      const wrong = outside(range, stored(real, value), stored(computed, value));
      if (wrong !== undefined) return `${place}: ${wrong}`;
      const observed = distanceOf(stored(computed, value), stored(real, value));
      for (const norm of ['inf', 'two'] as const) {
        if (!(observed[norm] <= allowed(error[norm])))
          return `${place}: ${norm} error ${observed[norm]} is above ${toNumber(error[norm])} (${observed[norm] / toNumber(error[norm])}×)`;
        const least = meet?.errors[value]?.[norm];
        if (domain !== 'at the point' && least !== undefined && compare(least, error[norm]) > 0)
          return `${place}: the meet's ${norm} is larger`;
      }
      if (usage !== undefined && domain === 'meet' && node.kind === 'op')
        use(usage, node.op, observed, error);
    }
  }
  return undefined;
}

function use(
  usage: Usage,
  op: string,
  observed: { readonly inf: number; readonly two: number },
  error: Errors<Bound>,
): void {
  const share = (norm: 'inf' | 'two'): number =>
    observed[norm] === 0 || isUnbounded(error[norm]) ? 0 : observed[norm] / toNumber(error[norm]);
  const known = usage.get(op) ?? { inf: 0, two: 0 };
  usage.set(op, { inf: Math.max(known.inf, share('inf')), two: Math.max(known.two, share('two')) });
}
