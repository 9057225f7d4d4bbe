import type { NdArray } from '../../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../../compiler/ir/op-attributes.ts';

/** A place where the exact value lies so near to a tie that float32 may round it to the other side. */
export interface Tie {
  /** The value on the other side. */
  readonly other: number;
  /** How far a float32 result may lie from it. */
  readonly error: number;
  /** Distance of the exact value from the tie, in steps of the grid. */
  readonly distance: number;
  /** Up to which distance float32 may cross the tie: the rounding of what is compared with it. */
  readonly proved: number;
}

/** How far a float32 result may lie from the exact one, element by element. */
export interface Allowance {
  readonly error: Float64Array;
  /** By element; empty for everything that is not rounded to a grid. */
  readonly ties: ReadonlyMap<number, Tie>;
}

/** What the rounding rule of an op may use. */
export interface RoundingContext<K extends OpName> {
  readonly attributes: OpAttributes[K];
  /** Values that float32 holds. */
  readonly operands: readonly NdArray[];
  /** The op's value on these operands; float64 rounds it too, by 2⁻²⁹ of what float32 does. */
  readonly exact: NdArray;
  /** The same op in float64 on other operands of the same shapes. */
  readonly evaluate: (operands: readonly NdArray[]) => NdArray;
}

/** The largest error that any order and any usual float32 arithmetic (fused or not) can make in one op, proved term by term. */
export type RoundingRule<K extends OpName> = (context: RoundingContext<K>) => Allowance;

/** Unit roundoff of float32, 2⁻²⁴, with room for the rounding of the float64 reference itself. */
export const U = 2 ** -24 * (1 + 2 ** -20);

/** Half the smallest positive float32: what a product or quotient may lose to underflow. */
export const TINY = 2 ** -150;

/** `γₙ = n·u/(1 − n·u)`, which bounds the product of n factors `(1 + δ)^±1`, |δ| ≤ u (Higham 2002, Lemma 3.1). */
export function gamma(n: number): number {
  return (n * U) / (1 - n * U);
}

const NO_TIES: ReadonlyMap<number, Tie> = new Map();

export function within(error: Float64Array, ties: ReadonlyMap<number, Tie> = NO_TIES): Allowance {
  return { error, ties };
}

/** The tensor of magnitudes, with which the terms of a sum cannot cancel. */
export function magnitudes({ shape, data }: NdArray): NdArray {
  return { shape, data: data.map(Math.abs) };
}
