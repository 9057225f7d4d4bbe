import type { Graph } from '../../compiler/ir/graph.ts';
import type { HostTensor, Tensors } from '../engines/engine.ts';

/** How many values are NaN or infinite. */
export function countNonFinite({ data }: HostTensor): number {
  // A sum in float64 of finite f32 values is finite, and one NaN or infinity makes it NaN or infinite.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] ?? 0;
  if (Number.isFinite(sum)) return 0;
  let count = 0;
  for (const value of data) if (!Number.isFinite(value)) count++;
  return count;
}

/** The output that is computed first among those with a NaN or an infinity, and the first such value in it. */
export function firstNonFinite(
  graph: Pick<Graph, 'outputs'>,
  outputs: Tensors,
): { readonly name: string; readonly value: number } | undefined {
  const inOrder = [...graph.outputs].sort((a, b) => a.value - b.value);
  for (const { name } of inOrder) {
    for (const value of outputs.get(name)?.data ?? []) if (!Number.isFinite(value)) return { name, value };
  }
  return undefined;
}
