import type { StepAnalysis } from '../../analysis/analyse.ts';
import type { Context } from '../context.ts';
import type { Probed } from './check-probe.ts';

export async function writeReport(
  _c: Context,
  _a: StepAnalysis,
  _p: Probed | undefined,
  _f: string,
): Promise<void> {}
