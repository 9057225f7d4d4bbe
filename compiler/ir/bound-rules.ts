import type { Bound } from '../numeric/bound.ts';
import type { TensorType, Value } from './graph.ts';
import type { NdArray } from './ndarray.ts';
import type { OpAttributes, OpName } from './op-attributes.ts';
import type { SlopeRule } from './slopes.ts';

/**
 * What is known of a value before anything runs, and how errors pass through an op. "Real" is the value in real arithmetic
 * without quantizers, "computed" the one that a program with quantizers and float32 arrives at.
 */
export interface Range {
  /** The real value lies in `[−neg, pos]`. */
  readonly pos: Bound;
  readonly neg: Bound;
  /** The 2-norm of the whole real tensor is at most this. */
  readonly norm2: Bound;
  /** No element, real or computed, is smaller than this in magnitude: by structure, whatever the errors are. */
  readonly away: Bound;
  /** No element, real or computed, is larger than this in magnitude: by structure. UNBOUNDED where structure says nothing. */
  readonly cap: Bound;
  /** No element, real or computed, is negative: by structure. */
  readonly nonNegative: boolean;
}

/** Arithmetic of error bounds: of numbers, of nodes of an error functional, of a replaying certifier. All of it is monotone. */
export interface ErrorAlgebra<T> {
  constant(value: Bound): T;
  sum(operands: readonly T[]): T;
  product(operands: readonly T[]): T;
  scale(coefficient: Bound, operand: T): T;
  min(operands: readonly T[]): T;
  max(operands: readonly T[]): T;
  sqrt(operand: T): T;
  /** `level` once the operand reaches `threshold`, 0 before. */
  jump(operand: T, threshold: Bound, level: Bound): T;
}

/** Bounds of `computed − real`: of its largest element, and of the 2-norm of the whole tensor. */
export interface Errors<T> {
  readonly inf: T;
  readonly two: T;
}

/** What an op adds to and passes on of the errors of its operands. The result's error is at most their sum, in each norm. */
export interface ErrorTerms<T> {
  /** By operand. */
  readonly through: readonly Errors<T>[];
  /** Rounding by the op itself, at computed operands. */
  readonly local: Errors<T>;
}

/** What the range rule of one node may use. */
export interface RangeContext<K extends OpName> {
  readonly attributes: OpAttributes[K];
  readonly operands: readonly Value[];
  readonly operandTypes: readonly TensorType[];
  readonly type: TensorType;
  range(operand: number): Range;
  /** The real value of an operand that is known before a run: materialized weights and views of them. */
  known(operand: number): NdArray | undefined;
  /** The real value of an operand at a named batch, where the bounds are asked for one: it tells how far masks are from switching. */
  at?(operand: number): NdArray | undefined;
  /** A fact about the known value of an operand, computed once for each value. */
  memo<V>(operand: number, key: string, compute: () => V): V;
  /** A fact about a tensor that is known, computed once for each. */
  once<V>(tensor: NdArray, key: string, compute: () => V): V;
}

/** What the error rule of one node may use. */
export interface ErrorContext<K extends OpName, T> extends RangeContext<K> {
  readonly algebra: ErrorAlgebra<T>;
  /** The real range of the result. */
  readonly result: Range;
  error(operand: number): Errors<T>;
  /** The error of an operand as a tensor, where it is known: a weight rounded to nearest. */
  rounding(operand: number): KnownRounding | undefined;
  /** How the scale of a quantizer follows its operand: only for `quantize…`. */
  readonly scale: ScaleSource;
}

/** The rounding of a tensor that is known before a run: `computed − real = tensor`, give or take `slack` (ties, float32). */
export interface KnownRounding {
  readonly tensor: NdArray;
  /** Largest element and 2-norm of what the tensor may be off by. */
  readonly slack: Errors<Bound>;
}

/**
 * Where a quantizer's scale comes from: `following` the largest magnitude of what it rounds, so that nothing is
 * clipped; the constant 1 of formats without scale; or anything else, of which only its range is known.
 */
export type ScaleSource =
  | { readonly kind: 'following'; readonly powerOfTwo: boolean }
  | { readonly kind: 'one' }
  | { readonly kind: 'other' };

/** The rules by which ranges and errors of one op are bounded. */
export interface BoundRules<K extends OpName> {
  /** Range of the real result. The caller takes the smallest of what its fields imply of each other. */
  readonly range: (context: RangeContext<K>) => Range;
  readonly error: <T>(context: ErrorContext<K, T>) => ErrorTerms<T>;
  /** Of a quantizer to nearest: what it does to a known tensor at a known scale. */
  readonly rounding?: (x: NdArray, scale: NdArray, attributes: OpAttributes[K]) => KnownRounding;
  /** Slopes by the real op; absent where its operands meet in no linear way. */
  readonly slopes?: SlopeRule<K>;
  /** The real result where it is a view of known operands; absent where it is computed from them. */
  readonly known?: (operands: readonly NdArray[], attributes: OpAttributes[K], type: TensorType) => NdArray;
}
