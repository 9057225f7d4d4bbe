import type { Evaluate } from '../../compiler/analysis/probability/index.ts';
import {
  type ProbeBatch,
  type ProbePoint,
  type ProbeTensors,
  passOf,
} from '../../compiler/analysis/probability/index.ts';
import { valuesGraph } from '../../compiler/analysis/probability/linear.ts';
import { perturb } from '../../compiler/analysis/probability/perturb.ts';
import type { Errors } from '../../compiler/ir/bound-rules.ts';
import { nodeOf } from '../../compiler/ir/graph.ts';
import { lookup } from '../../compiler/lower/lookup.ts';
import { type Bound, divide, fromNumber } from '../../compiler/numeric/bound.ts';
import type { StepAnalysis } from './analyse.ts';
import { type StepTensor, tensorsOf } from './tensors.ts';

/** What real minibatches say of one tensor, beside its bound. */
export interface ProbedTensor {
  readonly tensor: StepTensor;
  /** The largest over the batches, of one quantized step each. */
  readonly observed: Errors<number>;
  /** Bound ÷ observed; undefined where no error was observed. */
  readonly ratio: Errors<Bound | undefined>;
}

/** What real minibatches say of a quantity that requirements speak of, in the 2-norm. */
export interface ProbedQuantity {
  readonly name: string;
  readonly bound: Bound;
  /** The largest error over the batches, and the largest 2-norm of the quantity itself. */
  readonly observed: number;
  readonly norm: number;
}

export interface StepProbe {
  readonly batches: readonly string[];
  readonly tensors: readonly ProbedTensor[];
  readonly quantities: readonly ProbedQuantity[];
}

/**
 * Errors of one real quantized step on each batch, of every named tensor: against the same step without its quantizers, both in float32
 * and side by side in one graph. The largest of a few steps is no bound; a bound below it would be wrong.
 */
export async function probeStep(
  analysis: StepAnalysis,
  point: ProbePoint,
  batches: readonly ProbeBatch[],
  evaluate: Evaluate,
  onBatch: (done: number) => void = () => {},
): Promise<StepProbe> {
  const tensors = tensorsOf(analysis).filter(
    ({ value }) => nodeOf(analysis.worst.step.graph, value).kind === 'op',
  );
  const { graph } = analysis.worst.step;
  const { sites } = analysis.compiled.plan;
  const { nodes, renamed } = perturb(graph, 'real', (name) => sites.has(name));
  const pairs = valuesGraph(
    nodes,
    tensors.flatMap(({ value }, i) => [
      { name: `computed ${i}`, value },
      { name: `real ${i}`, value: renamed(value) },
    ]),
  );
  const observed = tensors.map(() => ({ inf: 0, two: 0 }));
  const quantities = new Map<string, { error: number; norm: number }>();
  for (const [step, batch] of batches.entries()) {
    const pass = passOf(evaluate, [point, batch.tensors], step);
    const result = await pass.run(pairs);
    const squares = new Map<string, { error: number; norm: number }>();
    tensors.forEach((tensor, i) => {
      const own = differenceOf(lookup(result, `computed ${i}`).data, lookup(result, `real ${i}`).data);
      const most = observed[i];
      if (most === undefined) return;
      most.inf = Math.max(most.inf, own.inf);
      most.two = Math.max(most.two, Math.sqrt(own.square));
      for (const name of quantitiesOf(analysis, tensor)) {
        const sum = squares.get(name) ?? { error: 0, norm: 0 };
        const size =
          name === 'update' ? movedBy(tensor, lookup(result, `real ${i}`).data, pass.inputs) : own.size;
        squares.set(name, { error: sum.error + own.square, norm: sum.norm + size });
      }
    });
    for (const [name, { error, norm }] of squares) {
      const most = quantities.get(name) ?? { error: 0, norm: 0 };
      quantities.set(name, {
        error: Math.max(most.error, Math.sqrt(error)),
        norm: Math.max(most.norm, Math.sqrt(norm)),
      });
    }
    onBatch(step + 1);
  }
  return {
    batches: batches.map(({ name }) => name),
    tensors: tensors.map((tensor, i) => probed(tensor, observed[i] ?? { inf: 0, two: 0 })),
    quantities: [...quantities].map(([name, { error, norm }]) => ({
      name,
      bound: boundOf(analysis, name),
      observed: error,
      norm,
    })),
  };
}

function probed(tensor: StepTensor, observed: Errors<number>): ProbedTensor {
  const over = (bound: Bound, seen: number): Bound | undefined =>
    seen > 0 && Number.isFinite(seen) ? divide(bound, fromNumber(seen)) : undefined;
  return {
    tensor,
    observed,
    ratio: { inf: over(tensor.error.inf, observed.inf), two: over(tensor.error.two, observed.two) },
  };
}

function differenceOf(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): { readonly inf: number; readonly square: number; readonly size: number } {
  let inf = 0;
  let square = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    const real = b[i] ?? 0;
    const d = Math.abs((a[i] ?? 0) - real);
    if (!(d <= inf)) inf = d;
    square += d * d;
    size += real * real;
  }
  return { inf, square, size };
}

/** Quantities that a tensor is a part of. */
function quantitiesOf({ worst }: StepAnalysis, { value }: StepTensor): readonly string[] {
  const parameters = new Set(
    worst.step.graph.nodes.flatMap((node) =>
      node.kind === 'input' && node.role === 'parameter' ? [node.input] : [],
    ),
  );
  return worst.step.graph.outputs.flatMap(({ name, value: output }) => {
    if (output !== value) return [];
    if (name === 'loss') return ['loss'];
    if (/^logits(#|$)/.test(name)) return ['logits'];
    if (parameters.has(name)) return ['update'];
    return name.endsWith('.grad') ? ['gradient'] : [];
  });
}

/** Squared 2-norm of what the step takes from a parameter. */
function movedBy({ name }: StepTensor, next: ArrayLike<number>, inputs: ProbeTensors): number {
  const old = inputs.get(name.replace(/\.stored$/, ''))?.data;
  let sum = 0;
  for (let i = 0; i < next.length; i++) sum += ((next[i] ?? 0) - (old?.[i] ?? 0)) ** 2;
  return sum;
}

/** The bound of a quantity over the whole batch. */
function boundOf({ worst, quantities }: StepAnalysis, name: string): Bound {
  const { graph } = worst.step;
  const output = graph.outputs.find((o) => o.name === name);
  const error = output === undefined ? undefined : worst.errors[output.value];
  const listed = quantities.find((q) => q.name === name && q.reference === 'real')?.error.two;
  const bound = error?.two ?? listed;
  if (bound === undefined) throw new Error(`'${name}' was not analysed`);
  return bound;
}
