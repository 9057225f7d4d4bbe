import type { ErrorAlgebra, ErrorContext, Errors, ErrorTerms, Range } from '../../ir/bound-rules.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { type Bound, fromNumber, isUnbounded, ONE, ZERO } from '../../numeric/bound.ts';
import { ANY_ERROR, magnitude, rootOf, U32, UNDERFLOW } from './range.ts';

/** Parts of which error rules are made. */

export function noError<T>(algebra: ErrorAlgebra<T>): Errors<T> {
  const zero = algebra.constant(ZERO);
  return { inf: zero, two: zero };
}

/** Errors multiplied by a gain in each norm. */
export function gained<T>(algebra: ErrorAlgebra<T>, e: Errors<T>, inf: Bound, two: Bound = inf): Errors<T> {
  return { inf: algebra.scale(inf, e.inf), two: algebra.scale(two, e.two) };
}

/** A bound on every element of n as errors in both norms. */
export function everywhere<T>(algebra: ErrorAlgebra<T>, inf: T, size: number): Errors<T> {
  return { inf, two: algebra.scale(rootOf(size), inf) };
}

/** `max|x̂|` and `‖x̂‖₂` of a computed value: its real range, its error, and the cap that structure puts on it. */
export function computed<T>(algebra: ErrorAlgebra<T>, range: Range, e: Errors<T>, size: number): Errors<T> {
  const inf = algebra.sum([algebra.constant(magnitude(range)), e.inf]);
  const two = algebra.sum([algebra.constant(range.norm2), e.two]);
  if (isUnbounded(range.cap)) return { inf, two };
  const cap = algebra.constant(range.cap);
  return { inf: algebra.min([inf, cap]), two: algebra.min([two, algebra.scale(rootOf(size), cap)]) };
}

export function added<T>(algebra: ErrorAlgebra<T>, parts: readonly Errors<T>[]): Errors<T> {
  return {
    inf: algebra.sum(parts.map(({ inf }) => inf)),
    two: algebra.sum(parts.map(({ two }) => two)),
  };
}

/** An op that computes exactly what it is given: a view, a copy, a selection. */
export function exact<K extends OpName, T>(
  context: ErrorContext<K, T>,
  through: readonly Errors<T>[],
): ErrorTerms<T> {
  return { through, local: noError(context.algebra) };
}

/**
 * An op whose result is rounded to float32: a relative error of `unit` (u for one rounding) of the value at computed operands, which is at
 * most the real range and what passes through, and half a subnormal where products may underflow.
 */
export function rounded<K extends OpName, T>(
  { algebra, result, type }: ErrorContext<K, T>,
  through: readonly Errors<T>[],
  { unit = U32, underflow = false }: { readonly unit?: Bound; readonly underflow?: boolean } = {},
): ErrorTerms<T> {
  const size = sizeOf(type.shape);
  const value = computed(algebra, result, added(algebra, through), size);
  const relative = gained(algebra, value, unit);
  const local = underflow
    ? added(algebra, [relative, everywhere(algebra, algebra.constant(UNDERFLOW), size)])
    : relative;
  return { through, local };
}

/** Thresholds that stand for all margins: where there are more, each stands for those up to the next. */
const STAIRS = 64;

/**
 * What uncertain elements cost where the margin of each is known: `level(count)` of all whose margin the error may reach, the margins
 * ascending. Between two thresholds as many count as are below the upper one.
 */
export function chargedByMargin<T>(
  algebra: ErrorAlgebra<T>,
  e: Errors<T>,
  margins: Float64Array,
  level: (count: number) => { readonly inf: Bound; readonly two: Bound },
): Errors<T> {
  const inf: T[] = [];
  const two: T[] = [];
  const every = Math.ceil(margins.length / STAIRS);
  for (let first = 0; first < margins.length; first += every) {
    const count = Math.min(first + every, margins.length);
    const { inf: most, two: whole } = level(count);
    const threshold = fromNumber(Math.max(margins[first] ?? 0, 0));
    const at = threshold.mantissa === 0 ? ANY_ERROR : threshold;
    inf.push(algebra.jump(e.inf, at, most));
    two.push(algebra.jump(e.inf, at, whole));
  }
  if (inf.length === 0) return noError(algebra);
  return { inf: algebra.max(inf), two: algebra.max(two) };
}

/** Margins ascending, each less what float64 may have rounded it by. */
export function lowered(margins: Float64Array): Float64Array {
  const most = margins.reduce((a, b) => Math.max(a, b), 0);
  return margins.map((m) => Math.max(0, m * (1 - 2 ** -30) - most * 2 ** -30)).sort();
}

/** `level` of an element in both norms once anything at all reaches `e`: what an uncertain mask or routing costs. */
export function charged<T>(
  algebra: ErrorAlgebra<T>,
  e: Errors<T>,
  threshold: Bound,
  level: Errors<T>,
): Errors<T> {
  const uncertain = algebra.jump(e.inf, threshold, ONE);
  return { inf: algebra.product([uncertain, level.inf]), two: algebra.product([uncertain, level.two]) };
}
