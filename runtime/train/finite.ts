import type { Graph } from '../../compiler/ir/graph.ts';
import type { HostTensor, Tensors } from '../engines/engine.ts';

/** How many values are NaN or infinite. */
export function countNonFinite({ data }: HostTensor): number {
  // A sum in float64 of finite f32 values is finite, and one NaN or infinity makes it NaN or infinite. Four sums at a time wait for
  // one another a quarter as often: all parameters and their moments pass here in every step.
  const end = data.length - (data.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < end; i += 4) {
    a += data[i] ?? 0;
    b += data[i + 1] ?? 0;
    c += data[i + 2] ?? 0;
    d += data[i + 3] ?? 0;
  }
  for (let i = end; i < data.length; i++) a += data[i] ?? 0;
  const sum = a + b + c + d;
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
