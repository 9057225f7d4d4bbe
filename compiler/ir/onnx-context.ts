import type { FloatElement, IntElement } from '../numeric/format.ts';
import type { TensorType } from './graph.ts';
import type { OpAttributes, OpName } from './op-attributes.ts';

/** ONNX element types that rules use for constants and casts. */
export type OnnxType = 'float' | 'int64' | 'int32' | 'bool' | 'float16' | 'bfloat16' | 'uint8' | 'int8';

/** Attribute values; an integer-valued attribute that ONNX declares as float is given as `{ float: 2 }`. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly type: OnnxType };

/**
 * How quantizers are written: `arithmetic` as division, rounding, clipping and multiplication, for scales that
 * are computed in the graph; `qdq` as QuantizeLinear and DequantizeLinear over integer types, for deployment.
 */
export type OnnxScheme = 'arithmetic' | 'qdq';

/** What the ONNX rule of one node may use. Names are strings of the graph under construction. */
export interface OnnxContext<K extends OpName> {
  readonly attributes: OpAttributes[K];
  /** Names of the operands. */
  readonly operands: readonly string[];
  readonly operandTypes: readonly TensorType[];
  readonly type: TensorType;
  readonly scheme: OnnxScheme;
  /** Adds a node of a standard operator of the default domain and returns its first output's name. */
  op(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string;
  /** An initializer, shared where equal. `shape` defaults to `[]` for a number and `[n]` for a list. */
  constant(type: OnnxType, data: number | readonly number[], shape?: readonly number[]): string;
  /** The noise tensor of a stream: a slice of the pool input at this step's offset, reshaped. */
  noise(distribution: 'uniform' | 'normal', stream: string, shape: readonly number[]): string;
  /**
   * `x` on the grid `scale · element` through QuantizeLinear and DequantizeLinear with zero point 0 (a cast there and
   * back for float elements that ONNX runtimes convert to). The scale has at most one axis that is not 1 when aligned to
   * the right with x. Undefined, with a diagnostic at the node, where the format cannot be exported: the rule then falls back to arithmetic.
   */
  quantizeDequantize(
    x: string,
    scale: string,
    scaleShape: readonly number[],
    element: IntElement | FloatElement,
  ): string | undefined;
  /**
   * `codes · scale` through DequantizeLinear from an integer initializer of the element's type. Undefined where
   * `codes` is not known at emission, or, with a diagnostic at the node, where the format cannot be exported.
   */
  dequantizeInitializer(
    codes: string,
    scale: string,
    scaleShape: readonly number[],
    element: IntElement,
  ): string | undefined;
}
