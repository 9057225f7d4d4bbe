import { dirname, resolve } from 'node:path';
import { diagnoseStep, updatesOf } from '../../compiler/analysis/diagnose/index.ts';
import {
  analyseWorstCase,
  type BoundedQuantity,
  type Reference,
  type WorstCase,
} from '../../compiler/analysis/worst-case/index.ts';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import type { Errors } from '../../compiler/ir/bound-rules.ts';
import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import {
  add,
  type Bound,
  compare,
  divide,
  isUnbounded,
  max,
  multiply,
  sqrt,
  ZERO,
} from '../../compiler/numeric/bound.ts';
import { magnitude } from '../../compiler/ops/bounds/range.ts';
import type { Compiled } from '../../compiler/pipeline.ts';

/** Where the weights come from that an analysis is about. */
export type WeightSource =
  | { readonly kind: 'drawn'; readonly seed: number }
  /** Too many to draw: what any seed can give. */
  | { readonly kind: 'bounded' }
  | { readonly kind: 'file'; readonly path: string };

/** The worst case of a spec's step, what is wrong with it, and the quantities that a user asks about. */
export interface StepAnalysis {
  readonly compiled: Compiled;
  readonly worst: WorstCase;
  readonly weights: WeightSource;
  readonly diagnostics: readonly Diagnostic[];
  readonly quantities: readonly QuantityBound[];
}

/** The bound of one quantity's error, beside how large the quantity itself can be. */
export interface QuantityBound {
  readonly name: string;
  readonly reference: Reference;
  readonly error: Errors<Bound>;
  /** The largest that exact arithmetic allows; of the update what the step takes from the parameters. */
  readonly size: Errors<Bound>;
  /** Error ÷ size in the 2-norm, where that says anything. */
  readonly share: Bound | undefined;
  /** Why a share is missing: there is no bound at all, or one that is no smaller than the quantity can be. */
  readonly verdict: 'bounded' | 'vacuous' | 'unbounded';
}

/** Analyses a compiled spec at its initial weights: those of `init from` where they are given, those of its seed otherwise. */
export function analyseStep(compiled: Compiled, file?: FloatTensors): StepAnalysis {
  const { spec, plan, program } = compiled;
  const worst = analyseWorstCase(spec, plan, program, file === undefined ? {} : { state: file });
  const { initFrom } = spec.model;
  const weights: WeightSource =
    file !== undefined && initFrom !== undefined
      ? { kind: 'file', path: initFrom.path }
      : worst.materialized
        ? { kind: 'drawn', seed: spec.train.seed }
        : { kind: 'bounded' };
  return {
    compiled,
    worst,
    weights,
    diagnostics: diagnoseStep(spec, plan, program, worst),
    quantities: quantityBounds(compiled, worst),
  };
}

/**
 * The parameters that a spec starts from where it names a file, else nothing.
 * @throws DataError or RunFailure where the file cannot be used
 */
export async function initialTensors(compiled: Compiled, cwd: string): Promise<FloatTensors | undefined> {
  if (compiled.spec.model.initFrom === undefined) return undefined;
  const { initialStateOf } = await import('../train/initialize.ts');
  const folder = dirname(resolve(cwd, compiled.spec.source.path));
  const state = await initialStateOf(compiled, compiled.spec.train.seed, folder);
  const kept = compiled.program.tensors.filter(({ role }) => role !== 'state').map(({ name }) => name);
  return new Map([...state].filter(([name]) => kept.includes(name)));
}

/** The quantities of an analysed step, each with what its bound is worth. */
export function quantityBounds(
  { program }: Pick<Compiled, 'program'>,
  worst: WorstCase,
): readonly QuantityBound[] {
  const taken = updateSize(worst);
  // Adam's direction is bounded by its β, whatever the gradient; other updates at the quantized point are not analysed apart.
  const everywhere = program.optimizer.kind === 'adam' || program.optimizer.kind === 'adamw';
  return worst.quantities.map((quantity): QuantityBound => {
    const size =
      quantity.name === 'update' && (quantity.reference === 'real' || everywhere) ? taken : quantity.range;
    return { ...named(quantity), size, ...judged(quantity.error.two, size.two) };
  });
}

function named({
  name,
  reference,
  error,
}: BoundedQuantity): Pick<QuantityBound, 'name' | 'reference' | 'error'> {
  return { name, reference, error };
}

/** What a bound says of a quantity of some size. */
export function judged(error: Bound, size: Bound): Pick<QuantityBound, 'share' | 'verdict'> {
  if (isUnbounded(error)) return { share: undefined, verdict: 'unbounded' };
  if (compare(error, size) >= 0 && error.mantissa > 0) return { share: undefined, verdict: 'vacuous' };
  const share = isUnbounded(size) || size.mantissa === 0 ? undefined : divide(error, size);
  return { share, verdict: 'bounded' };
}

/** What one step takes from all parameters together. */
function updateSize({ step }: WorstCase): Errors<Bound> {
  const ranges = [...updatesOf(step.graph).values()].flatMap((value) => step.facts.ranges[value] ?? []);
  return {
    inf: ranges.map(magnitude).reduce(max, ZERO),
    two: sqrt(ranges.map(({ norm2 }) => multiply(norm2, norm2)).reduce(add, ZERO)),
  };
}
