import { stat } from 'node:fs/promises';
import type { Products } from '../../compiler/ir/products.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import type { TrainingFormats } from '../auto/training-formats.ts';
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
import { createRun, findRun, type RunPaths, runPaths } from './run-directory.ts';
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
  /** Where the spec leaves formats to be derived: what derives them, given the run's steps. */
  readonly formats?: (run: { readonly folder: string; readonly stepsPerEpoch: number }) => TrainingFormats;
}

/** What a user is shown while a run goes on. */
export interface TrainObserver {
  /** Called once, before the first step of this process. */
  onStart(start: {
    readonly step: number;
    readonly totalSteps: number;
    readonly stepsPerEpoch: number;
  }): void;
  /** How many products of the step are of integers; called before the first step, and where formats change while training, again. */
  onProducts?(products: Products): void;
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
  const { spec, program, hash } = compiled;
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
  const formats = options.formats?.({ folder, stepsPerEpoch });
  const totalSteps = epochs * stepsPerEpoch;
  const every = formats?.every ?? totalSteps;
  observer.onStart({ step: start.step, totalSteps, stepsPerEpoch });
  for (let checkpoint: Checkpoint = start; ; ) {
    // Formats hold from one multiple of `every` to the next, wherever the run was interrupted.
    const from = every * Math.floor(Math.min(checkpoint.step, totalSteps - 1) / every);
    const current = formats ? await formats.at(from, checkpoint) : compiled;
    const deployment = new Deployment(engine, spec, current.plan, dataset);
    try {
      const measure = async (state: State): Promise<TrainedModel> => ({
        state,
        calibration: await deployment.calibrate(state),
      });
      const result = await trainLoop({
        program: current.program,
        engine,
        hash,
        seed,
        epochs,
        stepsPerEpoch,
        batchAt: (step) =>
          batchTensors(batches.batchAt(Math.floor(step / stepsPerEpoch), step % stepsPerEpoch)),
        start: checkpoint,
        until: from + every,
        validate:
          dataset.validation.count === 0
            ? undefined
            : async (state) => deployment.scores(await measure(state), dataset.validation),
        paths,
        checkpointEvery: options.checkpointEvery,
        signal: options.signal,
        onLoad: ({ products }) => products && observer.onProducts?.(products),
        onStep: (step) => observer.onStep(step),
        onEpoch: (epoch) => observer.onEpoch(epoch),
      });
      if (result.step < totalSteps && options.signal.aborted)
        return { kind: 'interrupted', step: result.step };
      checkpoint = result.checkpoint;
      if (result.step === totalSteps) {
        const run = { seed, epochs, steps: totalSteps };
        return await finish(paths, current, dataset, deployment, await measure(result.state), run);
      }
    } finally {
      await deployment.dispose();
    }
  }
}

/** Writes and scores the trained model. */
async function finish(
  paths: RunPaths,
  compiled: Compiled,
  dataset: Dataset,
  deployment: Deployment,
  model: TrainedModel,
  run: { readonly seed: number; readonly epochs: number; readonly steps: number },
): Promise<TrainOutcome> {
  const { spec, program, hash } = compiled;
  const metadata = new Map([
    ['format', 'qspec-model-1'],
    ['spec', hash],
    ['seed', `${run.seed}`],
    ['step', `${run.steps}`],
  ]);
  await writeModel(paths, program, model, metadata);
  const exported = exportOnnx(compiled, model);
  if (exported.bytes) await writeAtomic(paths.onnx, exported.bytes);
  const summary: RunSummary = {
    name: spec.name,
    hash,
    ...run,
    ...(dataset.validation.count === 0
      ? {}
      : { validation: await deployment.scores(model, dataset.validation) }),
    test: await deployment.scores(model, dataset.test),
    bytes: { model: (await stat(paths.model)).size, onnx: exported.bytes?.length ?? null },
  };
  await writeAtomic(paths.summary, `${JSON.stringify(summary, undefined, 2)}\n`);
  return { kind: 'finished', summary };
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
