import { SingleBar } from 'cli-progress';
import type { EpochRecord, StepRecord } from '../train/metrics.ts';
import type { TrainObserver } from '../train/run.ts';
import { type Context, say } from './context.ts';
import { scoreText } from './score-text.ts';
import { number, seconds } from './text.ts';

/** Weight of the newest step in the running loss that is shown. */
const SMOOTHING = 0.05;

/** Signals are the business of the command, not of its display. */
const STYLE = { gracefulExit: false, clearOnComplete: true } as const;

export interface Progress extends TrainObserver {
  /** Ends the display, so that other lines can follow. */
  stop(): void;
}

/** A bar where a person watches, and one line an epoch elsewhere. */
export function createProgress(context: Context): Progress {
  let bar: SingleBar | undefined;
  let stepsPerEpoch = 1;
  let epochs = 1;
  let running: number | undefined;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    onStart({ step, totalSteps, ...start }) {
      stepsPerEpoch = start.stepsPerEpoch;
      epochs = Math.ceil(totalSteps / stepsPerEpoch);
      const from = step > 0 ? `, going on from step ${step}` : '';
      say(context, `${totalSteps} steps in ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}${from}`);
      if (!context.io.stderr.isTerminal || step === totalSteps) return;
      bar = new SingleBar({
        format: 'epoch {epoch} [{bar}] {percentage}% step {value}/{total}, loss {loss}, {eta_formatted} left',
        ...STYLE,
        etaBuffer: 50,
      });
      bar.start(totalSteps, step, { epoch: `${Math.floor(step / stepsPerEpoch) + 1}/${epochs}`, loss: '…' });
    },
    onStep({ step, epoch, loss }: StepRecord) {
      running = running === undefined ? loss : running + SMOOTHING * (loss - running);
      bar?.update(step, { epoch: `${epoch}/${epochs}`, loss: number(running) });
    },
    onEpoch(record: EpochRecord) {
      const { epoch, step, train, validation, time } = record;
      const parts = [
        `epoch ${epoch}/${epochs}`,
        `train ${scoreText(train)}`,
        ...(validation
          ? [`validation f32 ${scoreText(validation.float32)}, deployed ${scoreText(validation.deployed)}`]
          : []),
        seconds(time.epochMs / 1000),
      ];
      if (!bar) {
        say(context, parts.join('; '));
        return;
      }
      // The line takes the bar's place, and the bar is drawn again below it.
      bar.stop();
      say(context, parts.join('; '));
      if (epoch === epochs) return;
      bar.start(epochs * stepsPerEpoch, step, {
        epoch: `${epoch + 1}/${epochs}`,
        loss: number(running ?? 0),
      });
    },
    stop,
  };
}

export interface Counter {
  update(done: number, total: number): void;
  stop(): void;
}

/** A plain bar on a terminal; nothing elsewhere. */
export function createCounter(context: Context, label: string): Counter {
  let bar: SingleBar | undefined;
  return {
    update(done, total) {
      if (!context.io.stderr.isTerminal) return;
      if (!bar) {
        bar = new SingleBar({
          format: `${label} [{bar}] {percentage}%`,
          ...STYLE,
        });
        bar.start(total, done);
      }
      bar.setTotal(total);
      bar.update(done);
    },
    stop() {
      bar?.stop();
    },
  };
}
