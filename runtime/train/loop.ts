import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import type { Engine, Executable, HostTensor, Tensors } from '../engines/engine.ts';
import { runFailure } from '../failure.ts';
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts';
import { firstNonFinite, watch } from './finite.ts';
import { hyperValues } from './hyper.ts';
import { type EpochRecord, MetricsLog, type Scores, type StepRecord } from './metrics.ts';
import type { RunPaths } from './run-directory.ts';
import { addSums, countCorrect, meanScore, NO_SAMPLES } from './score.ts';
import type { State } from './state.ts';

/** When a checkpoint is due besides the ends of epochs: after so many steps or seconds since the last one. */
export type CheckpointInterval = { readonly steps: number } | { readonly seconds: number };

export interface LoopOptions {
  readonly program: TrainingProgram;
  readonly engine: Engine;
  /** Hash of the spec, for the checkpoints. */
  readonly hash: string;
  readonly seed: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** The batch that a step (from 0) reads; depends on nothing else. */
  readonly batchAt: (step: number) => Tensors;
  /** Where to start from. */
  readonly start: Checkpoint;
  /** Scores on the validation set at the end of an epoch; absent where nothing is held out. */
  readonly validate: ((state: State) => Promise<Scores>) | undefined;
  readonly paths: Pick<RunPaths, 'metrics' | 'checkpoint'>;
  readonly checkpointEvery: CheckpointInterval;
  /** Steps after which to stop, with a checkpoint, though the run goes on; all of the run's by default. */
  readonly until?: number;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly onLoad?: (executable: Executable) => void;
  readonly onStep: (record: StepRecord) => void;
  readonly onEpoch: (record: EpochRecord) => void;
}

export interface LoopResult {
  /** Steps taken; fewer than the run has where it was interrupted. */
  readonly step: number;
  readonly interrupted: boolean;
  readonly state: State;
  /** What was saved last: where the run goes on from. */
  readonly checkpoint: Checkpoint;
}

/** Signals and the progress bar have their turn that often, or after every longer step. */
const TURN_EVERY_MS = 20;

/** An epoch shorter than this ends without a checkpoint of its own, unless it is the last. */
const SHORT_EPOCH_SECONDS = 1;

/**
 * Applies T again and again. What it computes and logs, apart from `time`, is a function of program, data, seed and
 * engine; a run that goes on from a checkpoint ends with the bits of one that was never stopped.
 *
 * @throws RunFailure QS7110 where the state or the loss is no longer finite
 */
export async function trainLoop(options: LoopOptions): Promise<LoopResult> {
  const { program, start, paths, stepsPerEpoch, epochs, seed, signal } = options;
  const totalSteps = epochs * stepsPerEpoch;
  const last = Math.min(options.until ?? totalSteps, totalSteps);
  const metrics = new MetricsLog(paths.metrics, start.metricsBytes);
  try {
    const { step: watched, countNonFinite } = watch(program.step);
    const executable = await options.engine.load(watched, { seed });
    options.onLoad?.(executable);
    try {
      let { step, state, sums } = start;
      let saved = { step, at: performance.now() };
      let checkpoint: Checkpoint = start;
      let epochStart = performance.now();
      let turn = performance.now();
      const save = async (): Promise<void> => {
        metrics.sync();
        checkpoint = { step, metricsBytes: metrics.length, sums, state };
        await writeCheckpoint(paths.checkpoint, checkpoint, options);
        saved = { step, at: performance.now() };
      };
      while (step < last && !signal.aborted) {
        const started = performance.now();
        const hyper = hyperValues(program, { step, stepsPerEpoch, epochs });
        const batch = options.batchAt(step);
        const outputs = await executable.run(new Map([...state, ...scalars(hyper), ...batch]), step);
        const nonFinite = countNonFinite(outputs);
        const loss = outputOf(outputs, 'loss').data[0] ?? Number.NaN;
        const correct = correctOf(program, outputs, batch);
        state = nextState(program, outputs);
        sums = addSums(sums, { samples: program.batch, loss: loss * program.batch, correct });
        step++;
        const epoch = Math.ceil(step / stepsPerEpoch);
        const record: StepRecord = {
          kind: 'step',
          step,
          epoch,
          loss,
          ...(correct === null ? {} : { accuracy: correct / program.batch }),
          hyper: Object.fromEntries(hyper),
          nonFinite,
          time: { stepMs: performance.now() - started },
        };
        metrics.append(record);
        options.onStep(record);
        if (nonFinite > 0) throw diverged(program, outputs, step, loss);
        const endOfEpoch = step % stepsPerEpoch === 0;
        if (endOfEpoch) {
          metrics.flush();
          const validation = await options.validate?.(state);
          const ended: EpochRecord = {
            kind: 'epoch',
            epoch,
            step,
            train: meanScore(sums),
            ...(validation === undefined ? {} : { validation }),
            time: { epochMs: performance.now() - epochStart },
          };
          metrics.append(ended);
          options.onEpoch(ended);
          sums = NO_SAMPLES;
          epochStart = performance.now();
        }
        const seconds = (performance.now() - saved.at) / 1000;
        if (
          step === totalSteps ||
          (endOfEpoch && seconds >= SHORT_EPOCH_SECONDS) ||
          isDue(options.checkpointEvery, step - saved.step, seconds)
        ) {
          await save();
        }
        // Lets signals and the progress bar have their turn: an engine may block the thread while it runs.
        if (performance.now() - turn >= TURN_EVERY_MS) {
          await nextTurn();
          turn = performance.now();
        }
      }
      if (saved.step !== step) await save();
      return { step, interrupted: step < last, state, checkpoint };
    } finally {
      await executable.dispose();
    }
  } finally {
    metrics.close();
  }
}

function isDue(interval: CheckpointInterval, steps: number, seconds: number): boolean {
  return 'steps' in interval ? steps >= interval.steps : seconds >= interval.seconds;
}

function scalars(values: ReadonlyMap<string, number>): Tensors {
  return new Map(
    [...values].map(([name, value]) => [name, { dtype: 'f32', shape: [], data: Float32Array.of(value) }]),
  );
}

function outputOf(outputs: Tensors, name: string): HostTensor {
  const tensor = outputs.get(name);
  if (!tensor) throw new Error(`the step has no output '${name}'`);
  return tensor;
}

function nextState(program: TrainingProgram, outputs: Tensors): State {
  return new Map(
    program.tensors.map(({ name }) => {
      const tensor = outputOf(outputs, name);
      if (tensor.dtype !== 'f32') throw new Error(`the state '${name}' is not f32`);
      return [name, tensor] as const;
    }),
  );
}

/** Samples of the batch classified rightly before the step's update; null where targets are values. */
function correctOf(program: TrainingProgram, outputs: Tensors, batch: Tensors): number | null {
  const labels = batch.get('labels');
  if (labels?.dtype !== 'i32') return null;
  let first = 0;
  let correct = 0;
  // One output of logits for each summand, in the order of the batch.
  for (const { name } of program.step.outputs) {
    if (name !== 'logits' && !name.startsWith('logits#')) continue;
    const logits = outputOf(outputs, name);
    const samples = logits.shape[0] ?? 0;
    correct += countCorrect(logits, labels.data.subarray(first, first + samples));
    first += samples;
  }
  return correct;
}

function diverged(program: TrainingProgram, outputs: Tensors, step: number, loss: number): Error {
  const first = firstNonFinite(program.step, outputs);
  const hint =
    'a smaller learning rate, a wider gradient format or clip(…) may help; metrics.jsonl has the steps before';
  return runFailure(
    'QS7110',
    { step, name: first?.name ?? 'loss', value: `${first?.value}`, loss: `${loss}` },
    hint,
  );
}
