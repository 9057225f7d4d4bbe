import type { TensorType } from './graph.ts';
import type { OpAttributes, OpName } from './op-attributes.ts';

/** A piece of TypeScript that evaluates to a tensor. Made only by a {@link TfjsContext}, so no text of a spec reaches it unescaped. */
export interface TfExpression {
  readonly code: string;
}

export type TfArgument =
  | TfExpression
  | number
  | boolean
  | string
  | null
  | readonly number[]
  | readonly (readonly number[])[]
  | readonly TfExpression[]
  | { readonly [key: string]: TfArgument };

/** What the tfjs rule of one node may use. */
export interface TfjsContext<K extends OpName> {
  readonly attributes: OpAttributes[K];
  /** References to the operands' variables. */
  readonly operands: readonly TfExpression[];
  readonly operandTypes: readonly TensorType[];
  readonly type: TensorType;
  /** `tf.method(args)`; a string argument becomes a literal. */
  tf(method: string, ...args: readonly TfArgument[]): TfExpression;
  /** `name(args)` of the support module that is emitted beside the program, imported where used. */
  support(name: string, ...args: readonly TfArgument[]): TfExpression;
  /** `noise.uniform('c1.grad', shape)`. */
  noise(distribution: 'uniform' | 'normal', stream: string, shape: readonly number[]): TfExpression;
}
