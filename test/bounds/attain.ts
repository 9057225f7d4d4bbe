import type { Range } from '../../compiler/ir/bound-rules.ts';
import { sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import { type Bound, toNumber } from '../../compiler/numeric/bound.ts';
import { Adversary, type Direction, type Order } from './adversary.ts';
import { CaseBuilder } from './cases.ts';
import { analyse, computedValues, distanceOf, realValues, type Tensor, violation } from './check.ts';
import { rangeOf } from './operands.ts';
import { Random } from './random.ts';

export type Term = `through ${number}` | 'local';
export const NORMS = ['inf', 'two'] as const;
export type Norm = (typeof NORMS)[number];

/** An operand of an input that reaches a term: a tensor with its error, or what is made of the first operand. */
export type Operand =
  | { readonly kind: 'tensor'; readonly tensor: Tensor; readonly dtype: 'f32' | 'i32' }
  | { readonly kind: 'scale'; readonly attributes: OpAttributes['quantScale'] }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'quantized'; readonly tensor: Tensor; readonly attributes: OpAttributes['quantScale'] };

type Numbers = number | readonly number[];

function spread(shape: readonly number[], numbers: Numbers): readonly number[] {
  return typeof numbers === 'number' ? new Array<number>(sizeOf(shape)).fill(numbers) : numbers;
}

/** A tensor, real numbers and errors of which are given one by one or one for all; facts that are known of it beside its range. */
export function x(
  shape: readonly number[],
  real: Numbers,
  error: Numbers = 0,
  facts: Partial<Range> = {},
): Operand {
  const [a, e] = [spread(shape, real), spread(shape, error)];
  const tensor = {
    real: ndarray(shape, a),
    computed: ndarray(
      shape,
      a.map((v, i) => v + (e[i] ?? 0)),
    ),
  };
  const range = { ...rangeOf(tensor.real, tensor.computed), ...facts };
  return { kind: 'tensor', tensor: { ...tensor, range, known: false }, dtype: 'f32' };
}

/** A weight that is at hand. */
export function known(shape: readonly number[], real: Numbers): Operand {
  const operand = x(shape, real);
  if (operand.kind !== 'tensor') throw new Error('a weight is a tensor');
  return { ...operand, tensor: { ...operand.tensor, known: true } };
}

/** A weight that is at hand, rounded on its way in. */
export function rounded(
  shape: readonly number[],
  real: Numbers,
  element: OpAttributes['quantize']['element'],
): Operand {
  const weight = known(shape, real);
  if (weight.kind !== 'tensor') throw new Error('a weight is a tensor');
  const axes = shape.map((_, i) => i);
  return { kind: 'quantized', tensor: weight.tensor, attributes: { element, axes, kind: 'absmax' } };
}

/** The scale that follows the first operand. */
export function following(
  element: OpAttributes['quantScale']['element'],
  kind: 'absmax' | 'power_of_two' = 'absmax',
  axes: readonly number[] = [0],
): Operand {
  return { kind: 'scale', attributes: { element, axes, kind } };
}

export const ONES: Operand = { kind: 'constant', value: 1 };

/** A stored input that comes near a term of an op's error rule. */
export interface Attainment<K extends OpName> {
  readonly term: Term;
  /** Both where absent. */
  readonly norm?: Norm;
  readonly operands: readonly Operand[];
  readonly attributes: OpAttributes[K];
  readonly direction?: Direction;
  readonly order?: Order;
  readonly noise?: Adversary['noise'];
  /** Of the adversary's coin; 1 if absent. */
  readonly seed?: number;
  /** The share that is reached where the rule is coarse on purpose, and why it is. */
  readonly coarse?: { readonly reached: number; readonly why: string };
}

export interface Attainments<K extends OpName> {
  /** Terms that the rule does not have: they are 0 for every input. */
  readonly zero: readonly Term[];
  readonly reached: readonly Attainment<K>[];
}

export interface Share {
  readonly norm: Norm;
  /** What is observed beyond the other terms, relative to the term. */
  readonly share: number;
  /** The terms that are declared to be 0 and are not. */
  readonly unexpected: readonly Term[];
}

/** How much of a term its input reaches: the observed error less the bounds of all other terms, by norm. */
export function reachedBy<K extends OpName>(
  op: K,
  attainment: Attainment<K>,
  zero: readonly Term[],
): readonly Share[] {
  const draw = new CaseBuilder(new Random(1));
  const operands: Value[] = [];
  for (const operand of attainment.operands) {
    if (operand.kind === 'tensor') operands.push(draw.input(operand.tensor, operand.dtype));
    else if (operand.kind === 'constant') operands.push(draw.builder.constant(operand.value));
    else if (operand.kind === 'quantized') {
      const weight = draw.input(operand.tensor);
      const scale = draw.builder.op('quantScale', [weight], operand.attributes);
      operands.push(draw.builder.op('quantize', [weight, scale], { element: operand.attributes.element }));
    } else operands.push(draw.builder.op('quantScale', [operands[0] ?? -1], operand.attributes));
  }
  const value = draw.builder.op(op, operands, attainment.attributes);
  const one = draw.done(value);
  const adversaryOf = () =>
    new Adversary(attainment.seed ?? 1, {
      direction: attainment.direction ?? 'none',
      order: attainment.order ?? 'forward',
      noise: attainment.noise ?? 'given',
    });
  const violated = violation(one, adversaryOf());
  if (violated !== undefined) return [{ norm: 'inf', share: Infinity, unexpected: [] }];
  const terms = analyse(one, 'meet').terms.get(value);
  const [real, computed] = [realValues(one)[value], computedValues(one, adversaryOf())[value]];
  if (terms === undefined || real === undefined || computed === undefined) throw new Error('no such value');
  const observed = distanceOf(computed, real);
  const parts = [
    ...terms.through.map((t, i) => [`through ${i}` as Term, t] as const),
    ['local', terms.local] as const,
  ];
  return NORMS.filter((norm) => attainment.norm === undefined || attainment.norm === norm).map((norm) => {
    const of = (bound: Bound): number => toNumber(bound);
    const others = parts
      .filter(([term]) => term !== attainment.term)
      .reduce((sum, [, t]) => sum + of(t[norm]), 0);
    const own = parts.find(([term]) => term === attainment.term)?.[1];
    if (own === undefined) throw new Error(`${op} has no term '${attainment.term}'`);
    const unexpected = parts
      .filter(([term, t]) => zero.includes(term) && of(t[norm]) > 0)
      .map(([term]) => term);
    // Above 1 the bound is broken, whatever the other terms are.
    const beyond = observed[norm] / (of(own[norm]) + others);
    // An overflow that the rule foresees is all that there is.
    const infinite = observed[norm] === Infinity && of(own[norm]) === Infinity;
    const share = infinite ? 1 : (observed[norm] - others) / of(own[norm]);
    return { norm, share: beyond > 1 + 2 ** -26 ? beyond : Math.min(share, 1), unexpected };
  });
}
