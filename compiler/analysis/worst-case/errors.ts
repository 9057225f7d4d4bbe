import type {
  ErrorAlgebra,
  ErrorContext,
  Errors,
  ErrorTerms,
  Range,
  ScaleSource,
} from '../../ir/bound-rules.ts';
import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { add, type Bound, fromNumber, isUnbounded, max } from '../../numeric/bound.ts';
import { magnitude, rootOf } from '../../ops/bounds/range.ts';
import { added, everywhere, noError } from '../../ops/bounds/terms.ts';
import { REGISTRY } from '../../ops/registry.ts';
import type { Domain } from './domain.ts';
import { contextOf, type Facts } from './facts.ts';

export interface ErrorOptions<T> {
  readonly algebra: ErrorAlgebra<T>;
  readonly facts: Facts;
  readonly domain?: Domain;
  /** The error of a value that is not computed here: an input of the graph, or of the part that is analysed. */
  readonly given: (value: Value) => Errors<T> | undefined;
  /** What stands for the parts of an op's error: they themselves, or names for some of them. */
  readonly terms?: (value: Value, terms: ErrorTerms<T>) => ErrorTerms<T>;
  /** Whether the inputs are without error, so that the rounding of known weights is what the facts say. */
  readonly knownRoundings?: boolean;
  /** A bound that is known of a value otherwise: the smaller one is taken. */
  readonly limit?: (value: Value) => Errors<Bound> | undefined;
  /** Values to analyse, all by default; others have no error and must not be read. */
  readonly only?: (value: Value) => boolean;
}

/** The error of every value of a graph, in one pass: numbers, or nodes of a functional, as the algebra has it. */
export function errorsOf<T>(graph: Graph, options: ErrorOptions<T>): readonly Errors<T>[] {
  const {
    algebra,
    facts,
    domain = 'meet',
    given,
    terms: renamed = (_, terms) => terms,
    limit,
    only,
    knownRoundings = false,
  } = options;
  const errors: Errors<T>[] = [];
  const none = noError(algebra);
  graph.nodes.forEach((node, value) => {
    if (only && !only(value)) {
      errors.push(none);
      return;
    }
    const size = sizeOf(node.type.shape);
    const known = given(value);
    if (known !== undefined) {
      errors.push(known);
      return;
    }
    switch (node.kind) {
      case 'input':
        errors.push(none);
        return;
      case 'constant': {
        const rounding = node.data.reduce((most, x) => Math.max(most, Math.abs(Math.fround(x) - x)), 0);
        errors.push(everywhere(algebra, algebra.constant(fromNumber(rounding)), size));
        return;
      }
      case 'op': {
        const terms = renamed(
          value,
          termsOf(graph, node as OpNode, value, errors, algebra, facts, knownRoundings),
        );
        const whole = added(algebra, [...terms.through, terms.local]);
        const range = facts.ranges[value];
        if (range === undefined) throw new Error(`%${value} has no range`);
        const own = met(algebra, capped(algebra, whole, range, size), size, domain);
        const least = limit?.(value);
        errors.push(
          least === undefined
            ? own
            : {
                inf: algebra.min([own.inf, algebra.constant(least.inf)]),
                two: algebra.min([own.two, algebra.constant(least.two)]),
              },
        );
      }
    }
  });
  return errors;
}

function termsOf<K extends OpName, T>(
  graph: Graph,
  node: OpNode<K>,
  value: Value,
  errors: readonly Errors<T>[],
  algebra: ErrorAlgebra<T>,
  facts: Facts,
  knownRoundings: boolean,
): ErrorTerms<T> {
  const result = facts.ranges[value];
  if (result === undefined) throw new Error(`%${value} has no range`);
  // The range context with more in it: a copy of its properties took a quarter of the time of a deep net.
  const context: ErrorContext<K, T> = Object.assign(contextOf(graph, node, facts), {
    algebra,
    result,
    error: (i: number): Errors<T> => {
      const e = errors[node.operands[i] ?? -1];
      if (e === undefined) throw new Error(`${node.op} has no operand ${i}`);
      return e;
    },
    rounding: (i: number) => (knownRoundings ? facts.roundings[node.operands[i] ?? -1] : undefined),
    scale: scaleSourceOf(graph, node),
  });
  return REGISTRY[node.op].bounds.error(context);
}

/** A real and a computed value that structure caps are not further apart than their ranges allow. */
function capped<T>(algebra: ErrorAlgebra<T>, e: Errors<T>, range: Range, size: number): Errors<T> {
  if (isUnbounded(range.cap)) return e;
  const most = range.nonNegative ? max(magnitude(range), range.cap) : add(magnitude(range), range.cap);
  const cap = everywhere(algebra, algebra.constant(most), size);
  return { inf: algebra.min([e.inf, cap.inf]), two: algebra.min([e.two, cap.two]) };
}

/** `e_∞ ≤ e₂ ≤ √n·e_∞`: in each domain from the norm that it measures in, in the meet from both. */
function met<T>(algebra: ErrorAlgebra<T>, { inf, two }: Errors<T>, size: number, domain: Domain): Errors<T> {
  const root = rootOf(size);
  switch (domain) {
    case 'meet':
      if (size === 1) {
        const least = algebra.min([inf, two]);
        return { inf: least, two: least };
      }
      return { inf: algebra.min([inf, two]), two: algebra.min([two, algebra.scale(root, inf)]) };
    case 'componentwise':
      return { inf, two: algebra.scale(root, inf) };
    case 'spectral':
      return { inf: two, two };
  }
}

/** Where the scale of a quantizer comes from, read off the graph. */
export function scaleSourceOf(graph: Graph, { operands }: OpNode): ScaleSource {
  const [x, scale] = operands;
  const node = scale === undefined ? undefined : nodeOf(graph, scale);
  if (node?.kind === 'constant' && node.data.every((s) => s === 1)) return { kind: 'one' };
  if (node?.kind === 'op' && node.op === 'quantScale' && node.operands[0] === x) {
    return { kind: 'following', powerOfTwo: node.attributes.kind === 'power_of_two' };
  }
  return { kind: 'other' };
}
