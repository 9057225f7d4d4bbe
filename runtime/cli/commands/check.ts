import { proveRequirements } from '../../../compiler/analysis/prove/requirements.ts';
import { type Diagnostic, hasErrors } from '../../../compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../../../compiler/diagnostics/render.ts';
import { autoSites } from '../../../compiler/lower/levels.ts';
import { planFormats } from '../../../compiler/lower/plan.ts';
import { lowerTraining } from '../../../compiler/lower/training.ts';
import { type Compiled, checkSource, hashOf } from '../../../compiler/pipeline.ts';
import type { Source } from '../../../compiler/source/source.ts';
import { analyseStep, initialTensors, type StepAnalysis } from '../../analysis/analyse.ts';

import { EXIT, type ExitCode } from '../../failure.ts';
import { summaryText } from '../analysis-text.ts';
import { type Context, print, say } from '../context.ts';
import { UsageFailure } from '../failures.ts';
import { probeText } from '../probe-text.ts';
import { assignmentBeside } from '../sensitivities.ts';
import { readSource } from '../source-file.ts';
import type { Probed } from './check-probe.ts';

export interface CheckOptions {
  /** False where the command line says `--no-analysis`. */
  readonly analysis?: boolean;
  /** Where to write the report. */
  readonly report?: string;
  /** Minibatches to probe with. */
  readonly probe?: number;
  /** Where to write the certificate. */
  readonly certificate?: string;
}

/** What checking one file came to. */
interface Checked {
  readonly diagnostics: readonly Diagnostic[];
  /** The analysis, or why there is none; undefined where none was asked for or there are errors. */
  readonly analysis: StepAnalysis | string | undefined;
}

/**
 * `qspec check FILE…`. Diagnostics are what this command makes: as JSON, one object a line, they go to stdout. With the other
 * reporters they are messages, and with `pretty` the summary of the bounds follows as data.
 */
export async function check(
  context: Context,
  files: readonly string[],
  options: CheckOptions = {},
): Promise<ExitCode> {
  const { io, reporter, color, style } = context;
  const wanted = [options.report, options.probe, options.certificate].some((option) => option !== undefined);
  if (wanted && files.length > 1)
    throw new UsageFailure('--report, --probe and --certificate take one file at a time');
  if (wanted && options.analysis === false)
    throw new UsageFailure('--no-analysis leaves nothing to report, probe or certify');
  const sink = reporter === 'json' ? io.stdout : io.stderr;
  let failed = 0;
  for (const file of files) {
    const source = await readSource(io.cwd, file);
    const { diagnostics, analysis } = await checkOne(source, io.cwd, options.analysis !== false);
    sink.write(renderDiagnostics(diagnostics, source, { reporter, color }));
    if (hasErrors(diagnostics)) {
      failed++;
      continue;
    }
    if (reporter === 'pretty') say(context, `${style.green('ok')} ${file}`);
    if (analysis === undefined) continue;
    if (typeof analysis === 'string') {
      if (wanted) throw new UsageFailure(`${file} cannot be analysed: ${analysis}`);
      if (reporter === 'pretty') print(context, `no worst-case bounds: ${analysis}`);
      continue;
    }
    if (reporter === 'pretty') for (const line of summaryText(analysis)) print(context, line);
    await extras(context, analysis, options);
  }
  return failed > 0 ? EXIT.diagnostics : EXIT.ok;
}

/** What was asked for beside the summary; loaded only then, because probing runs engines and the report reads charting libraries. */
async function extras(context: Context, analysis: StepAnalysis, options: CheckOptions): Promise<void> {
  let probed: Probed | undefined;
  if (options.probe !== undefined) {
    const { probeAnalysed } = await import('./check-probe.ts');
    probed = await probeAnalysed(context, analysis, options.probe);
    if (context.reporter === 'pretty') {
      print(context, '');
      for (const line of probeText(probed.probe, probed.predicted)) print(context, line);
    }
  }
  if (options.certificate !== undefined) {
    const { writeCertificate } = await import('./check-certificate.ts');
    await writeCertificate(context, analysis, options.certificate);
  }
  if (options.report !== undefined) {
    const { writeReport } = await import('./check-report.ts');
    await writeReport(context, analysis, probed, options.report);
  }
}

async function checkOne(source: Source, cwd: string, analyse: boolean): Promise<Checked> {
  const { value: spec, diagnostics } = checkSource(source);
  if (spec === undefined || hasErrors(diagnostics) || !analyse) return { diagnostics, analysis: undefined };
  const { assign } = await assignmentBeside(cwd, source.path);
  const assigned = autoSites(spec).length === 0 ? undefined : assign?.(spec);
  if (assigned !== undefined && assigned.value === undefined) {
    return { diagnostics, analysis: reasonOf(assigned.diagnostics) };
  }
  const plan = planFormats(spec, assigned?.value);
  // What stands in the way of compiling does not make a spec wrong: `compile` says more of it.
  if (plan.value === undefined) return { diagnostics, analysis: reasonOf(plan.diagnostics) };
  const program = lowerTraining(spec, plan.value);
  if (program.value === undefined) return { diagnostics, analysis: reasonOf(program.diagnostics) };
  const compiled: Compiled = { spec, plan: plan.value, program: program.value, hash: hashOf(source) };
  const found = await analysed(compiled, cwd);
  if (typeof found === 'string') return { diagnostics, analysis: found };
  const unmet = proveRequirements(spec, found.worst);
  return { diagnostics: [...diagnostics, ...unmet, ...found.diagnostics], analysis: found };
}

/** Weights that a file should give may not be there yet, which is no mistake in the spec. */
async function analysed(compiled: Compiled, cwd: string): Promise<StepAnalysis | string> {
  let tensors: Awaited<ReturnType<typeof initialTensors>>;
  try {
    tensors = await initialTensors(compiled, cwd);
  } catch (failure) {
    return failure instanceof Error ? failure.message : String(failure);
  }
  return analyseStep(compiled, tensors);
}

function reasonOf(diagnostics: readonly Diagnostic[]): string {
  return diagnostics[0]?.message ?? 'the step cannot be lowered';
}
