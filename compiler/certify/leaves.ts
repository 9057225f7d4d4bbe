import type { ParametersStatement } from '../certificate/certificate.ts';
import type { CheckedSpec, ScalarSchedule } from '../check/checked-spec.ts';
import type { Range } from '../ir/bound-rules.ts';
import type { InputNode } from '../ir/graph.ts';
import type { NdArray } from '../ir/ndarray.ts';
import type { FloatTensors } from '../ir/tensor.ts';
import { initialRange, initialValues } from '../lower/initialize.ts';
import type { HyperParameter, TrainingProgram } from '../lower/program.ts';
import { NOTHING_KNOWN, rangeOfInterval } from './ranges.ts';
import type { Leaves } from './walk.ts';

/** What the text of a spec and the parameters of a certificate say of a step's inputs. */
export function leavesOf(
  spec: CheckedSpec,
  program: TrainingProgram,
  parameters: ParametersStatement,
  state: FloatTensors | undefined,
): Leaves {
  const tensors = new Map(program.tensors.map((tensor) => [tensor.name, tensor]));
  const hyper = new Map(program.hyper.map((h) => [h.name, h]));
  const drawn = new Map<string, NdArray>();
  const draw = (name: string): NdArray | undefined => {
    const given = state?.get(name);
    if (given) return { shape: given.shape, data: Float64Array.from(given.data) };
    const tensor = tensors.get(name);
    const seed = parameters.kind === 'initial' ? parameters.seed : undefined;
    if (tensor === undefined || tensor.initializer.kind === 'constant' || seed === undefined)
      return undefined;
    return { shape: tensor.shape, data: Float64Array.from(initialValues(tensor, seed)) };
  };
  return {
    known: ({ input }) => {
      const before = drawn.get(input);
      if (before !== undefined) return before;
      const made = draw(input);
      if (made !== undefined) drawn.set(input, made);
      return made;
    },
    range: (input) => {
      const tensor = tensors.get(input.input);
      if (tensor !== undefined) {
        const { low, high } = initialRange(tensor.initializer);
        return rangeOfInterval(low, high);
      }
      const scalar = hyper.get(input.input);
      return scalar === undefined ? ofBatch(spec, input) : rangeOfInterval(...extremes(scalar));
    },
  };
}

/** Declared input ranges hold for the data; classes are numbered; nobody bounds the targets of a regression. */
function ofBatch(spec: CheckedSpec, { input, type }: InputNode): Range {
  if (type.dtype === 'i32') return rangeOfInterval(0, spec.data.target.count);
  const layer = spec.model.layers[0];
  if (input !== 'x' || layer?.kind !== 'input') return NOTHING_KNOWN;
  const { low, high } = layer.options;
  return low === undefined || high === undefined ? NOTHING_KNOWN : rangeOfInterval(low, high);
}

/** Over a whole training. */
function extremes(hyper: HyperParameter): readonly [low: number, high: number] {
  // `1/(1 − βᵗ)` falls from its value at the first step towards 1.
  return hyper.kind === 'bias_correction' ? [1, 1 / (1 - hyper.beta)] : extremesOf(hyper.schedule);
}

function extremesOf(schedule: ScalarSchedule): readonly [low: number, high: number] {
  switch (schedule.kind) {
    case 'constant':
      return [schedule.value, schedule.value];
    case 'cosine':
    case 'linear':
      return schedule.from < schedule.to ? [schedule.from, schedule.to] : [schedule.to, schedule.from];
    case 'step':
      return schedule.factor > 1 ? [schedule.value, Number.MAX_VALUE] : [0, schedule.value];
    case 'warmup':
      return [0, extremesOf(schedule.after)[1]];
  }
}
