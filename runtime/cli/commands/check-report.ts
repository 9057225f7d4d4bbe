import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { initialTensors, type StepAnalysis } from '../../analysis/analyse.ts';
import { compositionOf } from '../../analysis/composition.ts';
import { contributorsOf } from '../../analysis/contributors.ts';
import { ownPoint, uniformWidths } from '../../analysis/widths.ts';
import { chartLibraries } from '../../report/libraries.ts';
import { reportPage } from '../../report/page.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { qspecVersion } from '../../version.ts';
import { type Context, say } from '../context.ts';
import type { Probed } from './check-probe.ts';

/** Writes the report of an analysed spec: one page that opens without a network. */
export async function writeReport(
  context: Context,
  analysis: StepAnalysis,
  probed: Probed | undefined,
  file: string,
): Promise<void> {
  const tensors = await initialTensors(analysis.compiled, context.io.cwd);
  const page = reportPage(
    {
      analysis,
      composition: compositionOf(analysis),
      contributors: contributorsOf(analysis),
      widths: uniformWidths(analysis, tensors),
      own: ownPoint(analysis),
      probe: probed?.probe,
      toolVersion: qspecVersion(),
    },
    {
      libraries: await chartLibraries(),
      hash: (script) => createHash('sha256').update(script, 'utf8').digest('base64'),
    },
  );
  await writeAtomic(resolve(context.io.cwd, file), page);
  say(context, `wrote ${file}`);
}
