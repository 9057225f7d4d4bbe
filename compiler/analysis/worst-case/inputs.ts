import type { CheckedSpec, ScalarSchedule } from '../../check/checked-spec.ts';
import type { Range } from '../../ir/bound-rules.ts';
import type { InputNode } from '../../ir/graph.ts';
import { sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { FloatTensors } from '../../ir/tensor.ts';
import { initialRange, initialValues } from '../../lower/initialize.ts';
import type { HyperParameter, TrainingProgram } from '../../lower/program.ts';
import { UNBOUNDED, ZERO } from '../../numeric/bound.ts';
import { exactRange, type InputFacts, UNKNOWN } from './facts.ts';

/** Parameters past this many are bounded from their initializers instead of being drawn. */
export const MATERIALIZED_LIMIT = 50_000_000;

export interface InputOptions {
  readonly seed: number;
  /** The state that the analysis is about; where a tensor is missing, its initial value. */
  readonly state?: FloatTensors;
  /** See {@link MATERIALIZED_LIMIT}. */
  readonly limit?: number;
}

/** What the text of a spec, and its state, say of the inputs of one step. */
export interface StepInputs extends InputFacts {
  /** Whether initial weights were drawn, or bounded because there are too many. */
  readonly materialized: boolean;
}

export function stepInputs(
  spec: CheckedSpec,
  program: Pick<TrainingProgram, 'tensors' | 'hyper' | 'target'>,
  { seed, state, limit = MATERIALIZED_LIMIT }: InputOptions,
): StepInputs {
  const tensors = new Map(program.tensors.map((tensor) => [tensor.name, tensor]));
  const hyper = new Map(program.hyper.map((h) => [h.name, h]));
  const drawn = program.tensors.filter(({ initializer }) => initializer.kind === 'uniform');
  const count = drawn.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const materialized = count <= limit;
  const known = (input: InputNode): NdArray | undefined => {
    const given = state?.get(input.input);
    if (given) return { shape: given.shape, data: Float64Array.from(given.data) };
    const tensor = tensors.get(input.input);
    if (tensor === undefined || tensor.initializer.kind === 'constant' || !materialized) return undefined;
    return { shape: tensor.shape, data: Float64Array.from(initialValues(tensor, seed)) };
  };
  return {
    materialized,
    known,
    range: (input) => {
      const tensor = tensors.get(input.input);
      if (tensor !== undefined) {
        const { low, high } = initialRange(tensor.initializer);
        return interval(low, high);
      }
      const scalar = hyper.get(input.input);
      if (scalar !== undefined) return interval(...hyperLimits(scalar));
      return batchRange(spec, input);
    },
  };
}

/** Inputs are the same in real and computed arithmetic, so what bounds one bounds both. */
function interval(low: number, high: number): Range {
  const range = exactRange({ shape: [], data: Float64Array.of(low, high) });
  return { ...range, norm2: UNBOUNDED, away: low > 0 ? range.away : ZERO };
}

/** Declared input ranges hold for the data; classes are whole numbers; nobody bounds the targets of a regression. */
function batchRange(spec: CheckedSpec, { input, type }: InputNode): Range {
  if (type.dtype === 'i32') return interval(0, spec.data.target.count);
  if (input !== 'x') return UNKNOWN;
  const [layer] = spec.model.layers;
  if (layer?.kind !== 'input') throw new Error('the first layer of a model is its input');
  const { low, high } = layer.options;
  if (low === undefined || high === undefined) return UNKNOWN;
  return interval(low, high);
}

/** The least and the largest value over a whole training. */
function hyperLimits(hyper: HyperParameter): readonly [low: number, high: number] {
  if (hyper.kind === 'bias_correction') return [1, 1 / (1 - hyper.beta)];
  return scheduleLimits(hyper.schedule);
}

function scheduleLimits(schedule: ScalarSchedule): readonly [low: number, high: number] {
  switch (schedule.kind) {
    case 'constant':
      return [schedule.value, schedule.value];
    case 'cosine':
    case 'linear':
      return [Math.min(schedule.from, schedule.to), Math.max(schedule.from, schedule.to)];
    case 'step':
      return schedule.factor <= 1 ? [0, schedule.value] : [schedule.value, Number.MAX_VALUE];
    case 'warmup':
      return [0, scheduleLimits(schedule.after)[1]];
  }
}
