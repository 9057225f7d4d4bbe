import type { StepAnalysis } from '../../analysis/analyse.ts';
import type { Context } from '../context.ts';
import type { CheckOptions } from './check.ts';

export async function probeAndReport(
  _context: Context,
  _analysis: StepAnalysis,
  _options: CheckOptions,
): Promise<void> {}
