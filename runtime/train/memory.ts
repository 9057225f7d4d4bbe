import { totalmem } from 'node:os';
import { type Graph, sizeOf } from '../../compiler/ir/graph.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { runFailure } from '../failure.ts';

const ELEMENT_BYTES = 4;

/**
 * Bytes that a step holds at the least, whatever runs it: the state before and after it, and the largest of the values that
 * it computes.
 */
export function leastBytes({ step, tensors }: Pick<TrainingProgram, 'step' | 'tensors'>): number {
  const state = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return ELEMENT_BYTES * (2 * state + largestValue(step));
}

function largestValue({ nodes }: Graph): number {
  return nodes.reduce(
    (most, { kind, type }) => (kind === 'op' ? Math.max(most, sizeOf(type.shape)) : most),
    0,
  );
}

/** @throws RunFailure where no machine with so much memory can take a step: the system would end the process instead */
export function checkMemory(
  program: Pick<TrainingProgram, 'step' | 'tensors'>,
  available: number = totalmem(),
): void {
  const needed = leastBytes(program);
  if (needed <= available) return;
  throw runFailure('QS7112', { needed, available }, 'a smaller batch or narrower layers need less');
}
