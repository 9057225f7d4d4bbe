import type { CheckedSpec } from '../../check/checked-spec.ts';
import type { Errors, Range } from '../../ir/bound-rules.ts';
import type { Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import type { FloatTensors } from '../../ir/tensor.ts';
import type { FormatPlan } from '../../lower/plan.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { lowerSample } from '../../lower/training.ts';
import {
  add,
  type Bound,
  divide,
  fromNumber,
  max,
  multiply,
  sqrt,
  sqrtDown,
  ZERO,
} from '../../numeric/bound.ts';
import { NUMBERS } from './algebras.ts';
import type { Domain } from './domain.ts';
import type { SharedTensors } from './facts.ts';
import { stepInputs } from './inputs.ts';
import { type PreparedStep, passErrors, pointFacts, prepareStep } from './pass.ts';

/** Which exact step the computed one is compared with. */
export type Reference = 'real' | 'quantized_point';

/** A quantity that requirements speak of, in both norms. `gradient` and `update` are all parameters' concatenated. */
export interface BoundedQuantity {
  /** `logits`, `loss`, `gradient`, `update`, or the gradient of one parameter, `c1.weights.grad`. */
  readonly name: string;
  readonly reference: Reference;
  /** Of logits, of one sample; of the rest, of the step. */
  readonly error: Errors<Bound>;
  readonly range: Errors<Bound>;
}

/** What the worst case is, from the text of a spec and the weights that its seed draws. */
export interface WorstCase {
  readonly step: PreparedStep;
  /** Errors of every value of `step.graph`, against the real step. */
  readonly errors: readonly Errors<Bound>[];
  readonly quantities: readonly BoundedQuantity[];
  /** Whether initial weights were drawn, or bounded because there are too many of them. */
  readonly materialized: boolean;
}

export interface AnalyseOptions {
  readonly domain?: Domain;
  readonly adjoint?: boolean;
  readonly seed?: number;
  /** The state that the analysis is about; the initial one by default. */
  readonly state?: FloatTensors;
  readonly materializedLimit?: number;
  readonly references?: readonly Reference[];
  /** Where several assignments of formats are analysed at one state. */
  readonly shared?: SharedTensors;
}

/** Bounds of ranges and errors of every value of F, B and U. */
export function analyseWorstCase(
  spec: CheckedSpec,
  plan: FormatPlan,
  program: TrainingProgram,
  options: AnalyseOptions = {},
): WorstCase {
  const step = prepare(spec, plan, program, options);
  const references = options.references ?? ['real', 'quantized_point'];
  const errors = passErrors(step.prepared, { algebra: NUMBERS });
  const quantities = references.flatMap((reference) => {
    if (reference === 'real') return quantitiesOf(step.prepared, program, errors, reference);
    const point = pointFacts(step.prepared, errors, step.inputs);
    const these = passErrors(step.prepared, { algebra: NUMBERS, point });
    return quantitiesOf({ ...step.prepared, facts: point }, program, these, reference);
  });
  return { step: step.prepared, errors, quantities, materialized: step.inputs.materialized };
}

function prepare(spec: CheckedSpec, plan: FormatPlan, program: TrainingProgram, options: AnalyseOptions) {
  const { seed = spec.train.seed, state, materializedLimit, domain, adjoint, shared } = options;
  const inputs = stepInputs(spec, program, {
    seed,
    ...(state === undefined ? {} : { state }),
    ...(materializedLimit === undefined ? {} : { limit: materializedLimit }),
  });
  const prepared = prepareStep(program.stepWithGradients, lowerSample(spec, plan), inputs, {
    ...(domain === undefined ? {} : { domain }),
    ...(adjoint === undefined ? {} : { adjoint }),
    ...(shared === undefined ? {} : { shared }),
  });
  return { prepared, inputs };
}

/** The update of a parameter: what is taken from it, before it is rounded for storage together with it. */
function quantitiesOf(
  { graph, facts, sample }: PreparedStep,
  program: TrainingProgram,
  errors: readonly Errors<Bound>[],
  reference: Reference,
): readonly BoundedQuantity[] {
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const at = (value: Value, name: string): BoundedQuantity => {
    const range = facts.ranges[value];
    const error = errors[value];
    if (range === undefined || error === undefined) throw new Error(`%${value} was not analysed`);
    return { name, reference, error, range: sizeOfRange(range) };
  };
  const named = (name: string, as = name): readonly BoundedQuantity[] => {
    const value = outputs.get(name);
    return value === undefined ? [] : [at(value, as)];
  };
  const parameters = program.tensors.filter(({ role }) => role === 'parameter').map(({ name }) => name);
  const gradients = parameters.flatMap((name) => named(`${name}.grad`));
  const updates = parameters.flatMap((name) => named(name));
  const output = outputs.has('logits') ? 'logits' : 'logits#1';
  const [batch = 1] = nodeOf(graph, outputs.get(output) ?? 0).type.shape;
  const logits = named(output, 'logits').map((q) => (sample === undefined ? q : perSample(q, batch)));
  return [
    ...(reference === 'real' ? [...logits, ...named('loss')] : []),
    ...concatenated('gradient', reference, gradients),
    ...gradients,
    ...concatenated('update', reference, updates),
  ];
}

function sizeOfRange({ pos, neg, norm2 }: Range): Errors<Bound> {
  return { inf: max(pos, neg), two: norm2 };
}

/** A batch's logits are bounded by √B times the bound of any one sample's. */
function perSample(quantity: BoundedQuantity, batch: number): BoundedQuantity {
  const root = sqrtDown(fromNumber(batch));
  const shrink = ({ inf, two }: Errors<Bound>): Errors<Bound> => ({ inf, two: divide(two, root) });
  return { ...quantity, error: shrink(quantity.error), range: shrink(quantity.range) };
}

/** Tensors as one vector: the largest ∞-norm, the 2-norm of the 2-norms. */
function concatenated(
  name: string,
  reference: Reference,
  parts: readonly BoundedQuantity[],
): readonly BoundedQuantity[] {
  if (parts.length === 0) return [];
  const joined = (of: (part: BoundedQuantity) => Errors<Bound>): Errors<Bound> => ({
    inf: parts.map((part) => of(part).inf).reduce(max, ZERO),
    two: sqrt(parts.map((part) => multiply(of(part).two, of(part).two)).reduce(add, ZERO)),
  });
  return [{ name, reference, error: joined((p) => p.error), range: joined((p) => p.range) }];
}
