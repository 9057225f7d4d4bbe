import type { BoundRules } from './bound-rules.ts';
import type { Builder } from './builder.ts';
import type { OpNode, TensorType, Value } from './graph.ts';
import type { NdArray } from './ndarray.ts';
import type { OnnxContext } from './onnx-context.ts';
import type { OpAttributes, OpName } from './op-attributes.ts';
import type { TfExpression, TfjsContext } from './tfjs-context.ts';

/** What the reverse rule of one node may use. */
export interface VjpContext<K extends OpName> {
  readonly builder: Builder;
  readonly node: OpNode<K>;
  readonly operands: readonly Value[];
  /** The node's own value, for rules that are cheaper from the result. */
  readonly result: Value;
  /** Cotangent of the result, of the result's shape. */
  readonly cotangent: Value;
}

/** What the reference evaluation of one node may use: float64, row-major. */
export interface EvaluateContext<K extends OpName> {
  readonly attributes: OpAttributes[K];
  readonly operands: readonly NdArray[];
  readonly type: TensorType;
  /** The noise tensor of a stream at the current step. */
  readonly noise: (distribution: 'uniform' | 'normal', stream: string, shape: readonly number[]) => NdArray;
}

/**
 * Everything QSpec knows of one op, in one place. The registry maps every {@link OpName} to its definition, so
 * that a missing rule does not compile.
 */
export interface OpDef<K extends OpName> {
  /** Type of the result. Throws (an assertion) where operands do not fit. */
  readonly type: (operands: readonly TensorType[], attributes: OpAttributes[K]) => TensorType;
  /** Multiply–accumulates of one evaluation; 0 for everything that is not a product of tensors. */
  readonly macs: (operands: readonly TensorType[], attributes: OpAttributes[K], result: TensorType) => number;
  /** Cotangents of the operands as IR; `undefined` where none flows (a routing, a mask, a scale). */
  readonly vjp: (context: VjpContext<K>) => readonly (Value | undefined)[];
  /** Ranges before a run, and how errors pass. */
  readonly bounds: BoundRules<K>;
  /** Float64 reference. */
  readonly evaluate: (context: EvaluateContext<K>) => NdArray;
  /** One expression of the emitted tfjs program. */
  readonly tfjs: (context: TfjsContext<K>) => TfExpression;
  /** Adds ONNX nodes and returns the name of the result. */
  readonly onnx: (context: OnnxContext<K>) => string;
}

export type Registry = { readonly [K in OpName]: OpDef<K> };
