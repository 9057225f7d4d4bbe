import type { CheckedSpec } from '../../check/checked-spec.ts';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { firstDiagnostics } from '../../diagnostics/limit.ts';
import type { FormatPlan } from '../../lower/plan.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import type { WorstCase } from '../worst-case/index.ts';
import { narrowAccumulators } from './accumulators.ts';
import { deadDecays } from './decay.ts';
import { narrowFormats } from './formats.ts';
import { unboundedInputs } from './unbounded.ts';
import { deadUpdates } from './updates.ts';

export { updatesOf } from './updates.ts';

/**
 * What goes wrong in training or deployment as far as ranges and formats show it before anything runs. All of it are warnings: ranges are
 * upper limits, and what they allow need not happen.
 */
export function diagnoseStep(
  spec: CheckedSpec,
  plan: FormatPlan,
  program: TrainingProgram,
  worst: WorstCase,
): readonly Diagnostic[] {
  return firstDiagnostics([
    ...unboundedInputs(spec),
    ...narrowFormats(spec, plan, worst),
    ...narrowAccumulators(spec, plan),
    ...deadUpdates(spec, plan, program, worst),
    ...deadDecays(spec, plan),
  ]);
}
