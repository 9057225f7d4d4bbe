import type { CheckedSpec } from '../check/checked-spec.ts';
import type { Result } from '../diagnostics/diagnostic.ts';
import { type Assignment, planFormats } from './plan.ts';
import type { TrainingProgram } from './program.ts';
import { lowerTraining } from './training.ts';

/** The step of a spec at an assignment of its `auto` sites. */
export function lowerAssigned(spec: CheckedSpec, assignment: Assignment): Result<TrainingProgram> {
  const { value: plan, diagnostics } = planFormats(spec, assignment);
  return plan === undefined ? { value: undefined, diagnostics } : lowerTraining(spec, plan);
}
