import { type Graph, nodeOf, sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import type { HostTensor, Tensors } from '../engines/engine.ts';

/** Outputs of at least so many values are summed in the step, while they are in the cache, instead of here. */
const LARGE = 1 << 14;

/** The further output; no tensor of a spec has spaces in its name. */
const SUM = 'sum of large outputs';

/** Counts the values that are NaN or infinite among the outputs of a step. */
export interface Watch {
  /** The step with one more output, from which it follows of its large outputs that all values are finite. */
  readonly step: Graph;
  /** How many values of the step's own outputs are NaN or infinite. */
  countNonFinite(outputs: Tensors): number;
}

/**
 * The sum of all values of the large outputs is one output more. One NaN or infinity among them makes it NaN or infinite; where it is that,
 * which float32 sums of large values may become by themselves, the values are counted.
 *
 * @param least elements of an output that is large
 */
export function watch(step: Graph, least = LARGE): Watch {
  const large = step.outputs.filter(({ value }) => sizeOf(nodeOf(step, value).type.shape) >= least);
  if (large.length === 0) return { step, countNonFinite: (outputs) => countAllNonFinite(outputs.values()) };
  const builder = newBuilder(step.nodes);
  const sums = large.map(({ name, value }) =>
    builder.at({ ...nodeOf(step, value).origin, name: `${name}.sum` }, () => {
      // Over the last axis first: engines sum rows side by side.
      let sum: Value = value;
      for (let axis = builder.shapeOf(value).length - 1; axis >= 0; axis--)
        sum = builder.op('sum', [sum], { axes: [axis], keepDims: false });
      return sum;
    }),
  );
  const total = sums.reduce((a, b) => builder.op('add', [a, b], {}));
  const names = new Set(large.map((output) => output.name));
  return {
    step: builder.build(step.name, [...step.outputs, { name: SUM, value: total }]),
    countNonFinite: (outputs) => {
      const cleared = Number.isFinite(outputs.get(SUM)?.data[0]) ? names : new Set<string>();
      const others = [...outputs].filter(([of]) => of !== SUM && !cleared.has(of));
      return countAllNonFinite(others.map(([, tensor]) => tensor));
    },
  };
}

/** How many values of all of them are NaN or infinite. */
export function countAllNonFinite(tensors: Iterable<HostTensor>): number {
  let count = 0;
  for (const tensor of tensors) count += countNonFinite(tensor);
  return count;
}

/** How many values of a tensor are NaN or infinite. */
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
