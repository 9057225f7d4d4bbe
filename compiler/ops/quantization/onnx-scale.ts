import { sizeOf } from '../../ir/graph.ts';
import type { OnnxContext } from '../../ir/onnx-context.ts';
import type { OpAttributes, OpName } from '../../ir/op-attributes.ts';
import { gridMax } from '../../numeric/format.ts';
import { MAX_SCALE, MIN_SCALE } from '../../numeric/round.ts';
import { arity } from '../operands.ts';

export type Nodes = Pick<OnnxContext<OpName>, 'op' | 'constant'>;

export function onnxScale(context: OnnxContext<'quantScale'>): string {
  const [type] = arity(context.operandTypes, 1);
  return onnxScaleOf(context, arity(context.operands, 1)[0], context.attributes, {
    size: sizeOf(type.shape),
  });
}

/** What is known of the tensor that a scale is taken of, and of who reads the scale. */
export interface ScaleFacts {
  readonly size: number;
  /** No element is negative. */
  readonly nonNegative?: boolean;
  /** Only quantizers of the tensor itself read the scale: of zeros they give zeros at every scale. */
  readonly anyForZeros?: boolean;
  /** Extremes over several axes are taken over all but the first of them, then over that. */
  readonly inTwo?: boolean;
}

/** Up to this many elements `Abs` costs less than a second reduction. */
const SMALL = 1 << 14;

/** `max |x|`; of large tensors as `max(max x, −min x)`, in two reductions that write nothing; the maximum itself where nothing is negative. */
export function onnxScaleOf(
  nodes: Nodes,
  x: string,
  { axes, element, kind }: OpAttributes['quantScale'],
  { size, nonNegative = false, anyForZeros = false, inTwo = false }: ScaleFacts,
): string {
  const { op, constant } = nodes;
  const reduced = (reduction: string, of: string, along: readonly number[]): string =>
    op(reduction, [of, constant('int64', along)], { keepdims: 1 });
  const extreme = (reduction: string, of: string): string => {
    const [first = 0, ...rest] = axes.toSorted((a, b) => a - b);
    return inTwo ? reduced(reduction, reduced(reduction, of, rest), [first]) : reduced(reduction, of, axes);
  };
  const absmax = (): string => {
    if (axes.length === 0) return op('Abs', [x]);
    if (nonNegative) return extreme('ReduceMax', x);
    if (size <= SMALL) return extreme('ReduceMax', op('Abs', [x]));
    return op('Max', [extreme('ReduceMax', x), op('Neg', [extreme('ReduceMin', x)])]);
  };
  const largest = absmax();
  const divided = op('Div', [largest, constant('float', gridMax(element))]);
  const scale = op('Max', [divided, constant('float', MIN_SCALE)]);
  const chosen = kind === 'absmax' ? scale : nextPowerOfTwo(nodes, scale);
  if (anyForZeros) return chosen;
  return op('Where', [op('Equal', [largest, constant('float', 0)]), constant('float', 1), chosen]);
}

/** The power of two at or above each normal x > 0, at most {@link MAX_SCALE}. */
function nextPowerOfTwo(nodes: Nodes, x: string): string {
  const { op, constant } = nodes;
  const below = binadeOfAny(nodes, x);
  const next = op('Where', [op('Equal', [below, x]), x, op('Mul', [below, constant('float', 2)])]);
  return op('Min', [next, constant('float', MAX_SCALE)]);
}

/**
 * `2^⌊log₂ x⌋` for normal 0 < x < 2¹⁰⁴, exactly: adding and subtracting `2²³·x` rounds x to one significant bit, which is the power of
 * two below x or the one above.
 */
export function binade({ op, constant }: Nodes, x: string): string {
  const shifted = op('Mul', [x, constant('float', 2 ** 23)]);
  const rounded = op('Sub', [op('Add', [x, shifted]), shifted]);
  return op('Where', [op('Greater', [rounded, x]), op('Mul', [rounded, constant('float', 0.5)]), rounded]);
}

/** The same for every normal x > 0: what exceeds 1 is scaled down first. */
export function binadeOfAny(nodes: Nodes, x: string): string {
  const { op, constant } = nodes;
  const unit = op('Where', [
    op('Greater', [x, constant('float', 1)]),
    constant('float', 2 ** 64),
    constant('float', 1),
  ]);
  return op('Mul', [binade(nodes, op('Div', [x, unit])), unit]);
}
