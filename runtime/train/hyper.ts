import type { ScalarSchedule } from '../../compiler/check/checked-spec.ts';
import {
  biasCorrection,
  cosine,
  linear,
  type Progress,
  stepDecay,
  warmup,
} from '../../compiler/emit/tfjs/support/schedule.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';

/** The value of a schedule in float64, by the very functions that an emitted program computes it with. */
export function scheduleValue(schedule: ScalarSchedule, progress: Progress): number {
  switch (schedule.kind) {
    case 'constant':
      return schedule.value;
    case 'cosine':
      return cosine(schedule.from, schedule.to, progress);
    case 'linear':
      return linear(schedule.from, schedule.to, progress);
    case 'step':
      return stepDecay(schedule.value, schedule.factor, schedule.every, progress);
    case 'warmup':
      return warmup(schedule.epochs, (rest) => scheduleValue(schedule.after, rest), progress);
  }
}

/** The scalar inputs of the step graph, by name, in float64; engines round them to f32. */
export function hyperValues(
  program: Pick<TrainingProgram, 'hyper'>,
  progress: Progress,
): ReadonlyMap<string, number> {
  return new Map(
    program.hyper.map((hyper) => [
      hyper.name,
      hyper.kind === 'schedule'
        ? scheduleValue(hyper.schedule, progress)
        : biasCorrection(hyper.beta, progress),
    ]),
  );
}
