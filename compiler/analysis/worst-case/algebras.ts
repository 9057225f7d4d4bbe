import type { FunctionalBuilder } from '../../functional/builder.ts';
import type { NodeId } from '../../functional/functional.ts';
import type { ErrorAlgebra } from '../../ir/bound-rules.ts';
import { add, type Bound, compare, max, min, multiply, ONE, sqrt, ZERO } from '../../numeric/bound.ts';

/** Bounds as numbers, rounded up at every operation. */
export const NUMBERS: ErrorAlgebra<Bound> = {
  constant: (value) => value,
  sum: (operands) => operands.reduce(add, ZERO),
  product: (operands) => operands.reduce(multiply, ONE),
  scale: multiply,
  min: (operands) => operands.reduce(min),
  max: (operands) => operands.reduce(max, ZERO),
  sqrt,
  jump: (operand, threshold, level) => (compare(operand, threshold) >= 0 ? level : ZERO),
};

/** Bounds as functions of the errors of a builder's inputs. */
export function functionals(builder: FunctionalBuilder): ErrorAlgebra<NodeId> {
  return {
    constant: (value) => builder.constant(value),
    sum: (operands) => builder.sum(operands),
    product: (operands) => builder.product(operands),
    scale: (coefficient, operand) => builder.scale(coefficient, operand),
    min: (operands) => builder.min(operands),
    max: (operands) => builder.max(operands),
    sqrt: (operand) => builder.sqrt(operand),
    jump: (operand, threshold, level) => builder.step(operand, [{ at: threshold, level }]),
  };
}
