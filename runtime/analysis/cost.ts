import { operationsOf } from '../../compiler/allocate/auto/operations.ts';
import { bitOperations } from '../../compiler/allocate/cost.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';

/** Bit-operations of one training step, `Σ MACs · max(b₁, b₂)` over the products of F and B and one multiplication an element of U. */
export function stepCost(program: TrainingProgram): number {
  return bitOperations(operationsOf(program, new Map())).reduce(
    (sum, { values }) => sum + (values[0] ?? 0),
    0,
  );
}

/** The same with 32 bits everywhere. */
export function fullCost(program: TrainingProgram): number {
  return operationsOf(program, new Map()).reduce((sum, { macs }) => sum + 32 * macs, 0);
}
