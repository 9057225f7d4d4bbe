import { resolve } from 'node:path';
import { writtenAssignment } from '../../compiler/allocate/auto/assignment.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import { type Compiled, compile, hashOf } from '../../compiler/pipeline.ts';
import { lastCertificate } from '../auto/training-formats.ts';
import { EXIT, runFailure } from '../failure.ts';
import { readModel, type TrainedModel } from '../train/model-file.ts';
import { findRun, type RunPaths, runPaths } from '../train/run-directory.ts';
import type { RunRecord } from '../train/run-record.ts';
import type { Context } from './context.ts';
import { successOf } from './diagnostics.ts';

/** A finished run with its spec compiled again and its model. */
export interface TrainedRun {
  readonly compiled: Compiled;
  readonly model: TrainedModel;
  readonly record: RunRecord;
  readonly paths: RunPaths;
}

/**
 * Opens a finished run; undefined, with diagnostics printed, where its spec no longer compiles.
 * @throws RunFailure where the folder holds no finished run, DataError where its files cannot be read
 */
export async function openTrainedRun(context: Context, path: string): Promise<TrainedRun | undefined> {
  const folder = resolve(context.io.cwd, path);
  const run = await findRun(folder);
  if (!run) {
    throw runFailure('QS7102', { path }, "give the --out folder of a 'qspec train'", EXIT.usage);
  }
  if (!run.finished) {
    throw runFailure('QS7106', { path }, 'finish it with qspec train … --resume');
  }
  const paths = runPaths(folder);
  if (hashOf(run.source) !== run.record.hash) {
    throw runFailure('QS7105', {
      path: paths.spec,
      reason: 'it is not the text that the run was trained from',
    });
  }
  const formats = await lastCertificate(folder);
  const assign = formats && ((spec: CheckedSpec) => writtenAssignment(spec, formats, 'derived, certified'));
  const compiled = successOf(context, run.source, compile(run.source, assign ? { assign } : {}));
  if (!compiled) return undefined;
  return { compiled, model: await readModel(paths, compiled), record: run.record, paths };
}
