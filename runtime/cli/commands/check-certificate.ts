import { resolve } from 'node:path';
import { worstCaseCertificate } from '../../../compiler/analysis/certificate/index.ts';
import { certificateText } from '../../../compiler/certificate/index.ts';
import type { StepAnalysis } from '../../analysis/analyse.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { qspecVersion } from '../../version.ts';
import { type Context, print } from '../context.ts';
import { UsageFailure } from '../failures.ts';

/** Writes the worst case at the initial parameters as a certificate, and prints where. */
export async function writeCertificate(
  context: Context,
  { compiled, weights }: StepAnalysis,
  path: string,
): Promise<void> {
  if (weights.kind === 'file')
    throw new UsageFailure(
      `--certificate is of weights that a seed draws; these are read from ${weights.path}`,
    );
  const certificate = worstCaseCertificate(compiled, { tool: qspecVersion() });
  await writeAtomic(resolve(context.io.cwd, path), certificateText(certificate));
  print(context, path);
}
