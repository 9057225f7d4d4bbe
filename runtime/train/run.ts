import { stat } from 'node:fs/promises';
import type { Compiled } from '../../compiler/pipeline.ts';
import { trainingBatches } from '../data/batches.ts';
import type { Dataset } from '../data/split.ts';
import type { Engine } from '../engines/engine.ts';
import { writeAtomic } from '../storage/atomic.ts';
import { systemCode } from '../storage/data-error.ts';
import { batchTensors } from './batch-tensors.ts';
import { type Checkpoint, readCheckpoint } from './checkpoint.ts';
import { Deployment } from './deployment.ts';
import { exportOnnx } from './export.ts';
import { initialStateOf } from './initialize.ts';
import { type CheckpointInterval, trainLoop } from './loop.ts';
import type { EpochRecord, Scores, StepRecord } from './metrics.ts';
import { type TrainedModel, writeModel } from './model-file.ts';
import { createRun, findRun, runPaths } from './run-directory.ts';
import type { RunRecord } from './run-record.ts';
import { NO_SAMPLES } from './score.ts';
import type { State } from './state.ts';

export interface TrainOptions {
  /** The folder of the spec, which the path of `init from` is relative to. */
  readonly specFolder: string;
  /** Whether a run that is in the folder is replaced; otherwise it is gone on with. */
  readonly replace: boolean;
  readonly checkpointEvery: CheckpointInterval;
  /** Aborting it ends the run after the current step, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly observer: TrainObserver;
}

/** What a user is shown while a run goes on. */
export interface TrainObserver {
  /** Called once, before the first step of this process. */
  onStart(start: {
    readonly step: number;
    readonly totalSteps: number;
    readonly stepsPerEpoch: number;
  }): void;
  onStep(record: StepRecord): void;
  onEpoch(record: EpochRecord): void;
}

/** `summary.json`: what came out. Its presence says that the run is finished. */
export interface RunSummary {
  readonly name: string;
  readonly hash: string;
  readonly seed: number;
  readonly epochs: number;
  readonly steps: number;
  readonly validation?: Scores;
  readonly test: Scores;
  /** Bytes of the files; `onnx` is null where the formats cannot be exported. */
  readonly bytes: { readonly model: number; readonly onnx: number | null };
}

export type TrainOutcome =
  | { readonly kind: 'interrupted'; readonly step: number }
  | { readonly kind: 'finished'; readonly summary: RunSummary };

/**
 * Trains into a run directory, from its checkpoint where it has one, and then calibrates, exports and scores the model. The
 * files of a run, wall-clock fields aside, are a function of spec, data, seed, epochs and engine. Nothing is written before it is
 * known that the first step can be taken.
 *
 * @param record what the run is, or was, started with
 * @throws RunFailure, DataError where something outside the program stops the run
 */
export async function train(
  folder: string,
  compiled: Compiled,
  dataset: Dataset,
  engine: Engine,
  record: RunRecord,
  options: TrainOptions,
): Promise<TrainOutcome> {
  const { spec, plan, program, hash } = compiled;
  const { seed, epochs } = record;
  const { observer } = options;
  const paths = runPaths(folder);
  const wholeSet = spec.data.batch === 'all' && program.batch === dataset.train.count;
  const batches = trainingBatches(dataset, {
    batch: wholeSet ? 'all' : program.batch,
    augment: spec.data.augment,
    seed,
  });
  const { stepsPerEpoch } = batches;
  const found = options.replace ? undefined : await findRun(folder);
  const start = (found && (await findCheckpoint(paths.checkpoint, compiled, seed))) ?? {
    step: 0,
    metricsBytes: 0,
    sums: NO_SAMPLES,
    state: await initialStateOf(compiled, seed, options.specFolder),
  };
  if (!found) await createRun(folder, spec.source.text, record);
  const deployment = new Deployment(engine, spec, plan, dataset);
  try {
    const measure = async (state: State): Promise<TrainedModel> => ({
      state,
      calibration: await deployment.calibrate(state),
    });
    observer.onStart({ step: start.step, totalSteps: epochs * stepsPerEpoch, stepsPerEpoch });
    const result = await trainLoop({
      program,
      engine,
      hash,
      seed,
      epochs,
      stepsPerEpoch,
      batchAt: (step) =>
        batchTensors(batches.batchAt(Math.floor(step / stepsPerEpoch), step % stepsPerEpoch)),
      start,
      validate:
        dataset.validation.count === 0
          ? undefined
          : async (state) => deployment.scores(await measure(state), dataset.validation),
      paths,
      checkpointEvery: options.checkpointEvery,
      signal: options.signal,
      onStep: (record) => observer.onStep(record),
      onEpoch: (record) => observer.onEpoch(record),
    });
    if (result.interrupted) return { kind: 'interrupted', step: result.step };

    const model = await measure(result.state);
    const metadata = new Map([
      ['format', 'qspec-model-1'],
      ['spec', hash],
      ['seed', `${seed}`],
      ['step', `${result.step}`],
    ]);
    await writeModel(paths, program, model, metadata);
    const exported = exportOnnx(compiled, model);
    if (exported.bytes) await writeAtomic(paths.onnx, exported.bytes);
    const summary: RunSummary = {
      name: spec.name,
      hash,
      seed,
      epochs,
      steps: result.step,
      ...(dataset.validation.count === 0
        ? {}
        : { validation: await deployment.scores(model, dataset.validation) }),
      test: await deployment.scores(model, dataset.test),
      bytes: { model: (await stat(paths.model)).size, onnx: exported.bytes?.length ?? null },
    };
    await writeAtomic(paths.summary, `${JSON.stringify(summary, undefined, 2)}\n`);
    return { kind: 'finished', summary };
  } finally {
    await deployment.dispose();
  }
}

async function findCheckpoint(
  path: string,
  { program, hash }: Compiled,
  seed: number,
): Promise<Checkpoint | undefined> {
  const exists = await stat(path).then(
    () => true,
    (failure: unknown) => {
      if (systemCode(failure) === 'ENOENT') return false;
      throw failure;
    },
  );
  return exists ? readCheckpoint(path, program, { hash, seed }) : undefined;
}
