import type { Batch } from '../data/batches.ts';
import type { HostTensor, Tensors } from '../engines/engine.ts';

/** A batch under the names of a graph's batch inputs: `x`, and `labels` or `targets`. */
export function batchTensors({ shape, x, labels, targets }: Batch): Tensors {
  const rows = shape[0] ?? 0;
  const tensors = new Map<string, HostTensor>([['x', { dtype: 'f32', shape, data: x }]]);
  if (labels) tensors.set('labels', { dtype: 'i32', shape: [rows], data: labels });
  if (targets) tensors.set('targets', { dtype: 'f32', shape: [rows, targets.length / rows], data: targets });
  return tensors;
}
