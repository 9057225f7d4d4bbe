import type { TensorType } from './graph.ts';
import type { NdArray } from './ndarray.ts';
import type { OpAttributes, OpName } from './op-attributes.ts';

/**
 * Slopes of the K elements of an output in a value of one sample, whatever masks and winners hold on the way: row k differs from `center[k]` by at
 * most `rest[k]` in the 2-norm.
 */
export interface Slopes {
  /** `[K, …]`. */
  readonly center: NdArray;
  readonly rest: Float64Array;
}

/**
 * Which elements a relu or a pooling may pass on, at a point where most of that is settled: pairs of an output and an input of one sample,
 * those that are `open` for sure and those that may be; all others are shut.
 */
export interface Gate {
  readonly output: Int32Array;
  readonly input: Int32Array;
  readonly open: Uint8Array;
}

/** What the slope rule of one node may use. */
export interface SlopeContext<K extends OpName> {
  readonly attributes: OpAttributes[K];
  readonly operandTypes: readonly TensorType[];
  readonly type: TensorType;
  /** Slopes in the result. */
  readonly slopes: Slopes;
  /** Whether slopes in the operand are asked for. */
  isActive(operand: number): boolean;
  /** Weights or a constant, where they are known. */
  known(operand: number): NdArray | undefined;
  /** A norm of a known operand, computed once. */
  norm(operand: number, key: string, compute: (tensor: NdArray) => number): number;
  readonly gate: Gate | undefined;
  /** Float64 evaluation of an op. */
  evaluate<O extends OpName>(
    op: O,
    attributes: OpAttributes[O],
    operands: readonly NdArray[],
    shape: readonly number[],
  ): NdArray;
}

/**
 * Slopes in each active operand (undefined in others), by the real op between any two points; undefined where they cannot be had.
 */
export type SlopeRule<K extends OpName> = (
  context: SlopeContext<K>,
) => readonly (Slopes | undefined)[] | undefined;
