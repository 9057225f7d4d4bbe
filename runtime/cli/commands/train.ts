import { dirname, join, resolve } from 'node:path';
import { measuredAssignment } from '../../../compiler/allocate/auto/plan.ts';
import type { CheckedSpec } from '../../../compiler/check/checked-spec.ts';
import { measuredRequirements } from '../../../compiler/lower/levels.ts';
import { compile } from '../../../compiler/pipeline.ts';
import { DERIVE_SETTINGS } from '../../auto/derive-at.ts';
import { trainingFormats } from '../../auto/training-formats.ts';
import { loadDataset } from '../../data/dataset.ts';
import { dataRoot } from '../../data/root.ts';
import { EXIT, type ExitCode, runFailure } from '../../failure.ts';
import { exportDiagnostics } from '../../train/export.ts';
import type { CheckpointInterval } from '../../train/loop.ts';
import { checkMemory } from '../../train/memory.ts';
import { type TrainOutcome, train } from '../../train/run.ts';
import { findRun, inspectFolder } from '../../train/run-directory.ts';
import type { RunRecord } from '../../train/run-record.ts';
import { qspecVersion } from '../../version.ts';
import { collectInOneGo } from '../collector.ts';
import { type Context, print, say } from '../context.ts';
import { reportDiagnostics, successOf } from '../diagnostics.ts';
import { defaultThreads, type EngineOptions, openEngine } from '../engines.ts';
import { createProgress } from '../progress.ts';
import { scoreText } from '../score-text.ts';
import { assignmentBeside } from '../sensitivities.ts';
import { readSource } from '../source-file.ts';
import { bytes } from '../text.ts';

interface Options extends EngineOptions {
  readonly out?: string;
  readonly epochs?: number;
  readonly seed?: number;
  readonly refresh?: number;
  readonly checkpointEvery?: CheckpointInterval;
  readonly resume?: true;
  readonly force?: true;
}

const CHECKPOINT_EVERY: CheckpointInterval = { seconds: 60 };

/** `qspec train FILE`. What a resumed run was started with need not be given again. */
export async function trainCommand(context: Context, file: string, options: Options): Promise<ExitCode> {
  collectInOneGo();
  const { io } = context;
  const source = await readSource(io.cwd, file);
  // Formats that are to be derived stand for themselves until the first derivation: state and batch do not depend on them.
  const { assign } = await assignmentBeside(io.cwd, file);
  const assignment = (checked: CheckedSpec) => measuredAssignment(checked) ?? assign?.(checked);
  const compiled = successOf(context, source, compile(source, { assign: assignment }));
  if (!compiled) return EXIT.diagnostics;
  checkMemory(compiled.program);
  const { spec, hash } = compiled;
  const derives = measuredRequirements(spec).length > 0;
  const out = options.out ?? join('runs', spec.name);
  const folder = resolve(io.cwd, out);
  const recorded = options.resume ? (await findRun(folder))?.record : undefined;
  const engineName = options.engine ?? recorded?.engine ?? 'onnx';
  const threads = options.threads ?? recorded?.threads ?? defaultThreads();

  const engine = await openEngine(engineName, threads, options);
  try {
    const record: RunRecord = {
      name: spec.name,
      hash,
      seed: options.seed ?? recorded?.seed ?? spec.train.seed,
      epochs: options.epochs ?? recorded?.epochs ?? spec.train.epochs,
      engine: engineName,
      threads,
      refresh: derives ? (options.refresh ?? recorded?.refresh ?? 1) : 0,
      engineDescription: engine.description,
      qspec: qspecVersion(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    };
    const found = await inspectFolder(folder, record, ifExists(options));
    if (found?.finished) {
      say(context, `the run in ${out} is finished`);
      return EXIT.ok;
    }
    if (found && found.record.engineDescription !== engine.description) {
      say(
        context,
        `note: the run was started on ${found.record.engineDescription}; rounding may differ from here on`,
      );
    }
    const dataset = await loadDataset(spec.data, {
      root: dataRoot(io.env),
      log: (line) => say(context, line),
    });
    if (!derives) reportDiagnostics(context, source, exportDiagnostics(compiled));
    say(
      context,
      `training ${spec.name} on ${engine.description} into ${out} (formats ${derives ? 'derived while training' : compiled.plan.status})`,
    );
    const outcome = await interruptible(context, (signal) => {
      const progress = createProgress(context);
      const formatsFor = (run: { readonly folder: string; readonly stepsPerEpoch: number }) =>
        trainingFormats({
          ...run,
          compiled,
          dataset,
          engine,
          seed: record.seed,
          epochs: record.epochs,
          refresh: record.refresh,
          settings: { ...DERIVE_SETTINGS, seed: record.seed },
          log: (line) => say(context, line),
          fail: (diagnostic) => {
            reportDiagnostics(context, source, [diagnostic]);
            throw runFailure('QS7113', { name: spec.name });
          },
        });
      return train(folder, compiled, dataset, engine, record, {
        specFolder: dirname(resolve(io.cwd, file)),
        replace: options.force === true,
        checkpointEvery: options.checkpointEvery ?? CHECKPOINT_EVERY,
        signal,
        observer: progress,
        ...(derives ? { formats: formatsFor } : {}),
      }).finally(() => progress.stop());
    });
    if (outcome.kind === 'interrupted') {
      say(
        context,
        `interrupted after step ${outcome.step}; the same command with --resume goes on from there`,
      );
      return EXIT.interrupted;
    }
    reportOutcome(context, out, outcome);
    return EXIT.ok;
  } finally {
    await engine.dispose();
  }
}

function ifExists({ resume, force }: Options): 'resume' | 'replace' | 'refuse' {
  if (resume) return 'resume';
  return force ? 'replace' : 'refuse';
}

/** The first signal asks for an end after the current step; whoever sends a second does not want to wait. */
async function interruptible<T>(context: Context, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const release = context.io.onInterrupt(() => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  });
  try {
    return await run(controller.signal);
  } finally {
    release();
  }
}

function reportOutcome(
  context: Context,
  out: string,
  { summary }: Extract<TrainOutcome, { kind: 'finished' }>,
): void {
  if (context.reporter === 'json') {
    print(context, JSON.stringify(summary));
    return;
  }
  const { test } = summary;
  say(context, `test set, ${test.float32.samples} samples:`);
  say(context, `  f32       ${scoreText(test.float32)}`);
  say(context, `  deployed  ${scoreText(test.deployed)}`);
  say(
    context,
    `model.safetensors ${bytes(summary.bytes.model)}, model.onnx ${summary.bytes.onnx === null ? 'not written' : bytes(summary.bytes.onnx)}`,
  );
  print(context, out);
}
