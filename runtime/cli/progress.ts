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
  let done = 0;
  let running: number | undefined;
  let inIntegers = 0;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  const draw = (): void => {
    const loss = running === undefined ? '…' : number(running);
    const epoch = Math.floor(done / stepsPerEpoch) + 1;
    if (epoch <= epochs) bar?.start(epochs * stepsPerEpoch, done, { epoch: `${epoch}/${epochs}`, loss });
  };
  /** The line takes the bar's place, and the bar is drawn again below it. */
  const line = (text: string): void => {
    bar?.stop();
    say(context, text);
    draw();
  };
  return {
    onStart({ step, totalSteps, ...start }) {
      stepsPerEpoch = start.stepsPerEpoch;
      epochs = Math.ceil(totalSteps / stepsPerEpoch);
      done = step;
      const from = step > 0 ? `, going on from step ${step}` : '';
      say(context, `${totalSteps} steps in ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}${from}`);
      if (!context.io.stderr.isTerminal || step === totalSteps) return;
      bar = new SingleBar({
        format: 'epoch {epoch} [{bar}] {percentage}% step {value}/{total}, loss {loss}, {eta_formatted} left',
        ...STYLE,
        etaBuffer: 50,
      });
      draw();
    },
    onProducts(products) {
      if (products.inIntegers === inIntegers) return;
      inIntegers = products.inIntegers;
      const others = inIntegers === products.all ? '' : ', the others of float32';
      line(`${inIntegers} of ${products.all} products in a step are of integers${others}`);
    },
    onStep({ step, epoch, loss }: StepRecord) {
      done = step;
      running = running === undefined ? loss : running + SMOOTHING * (loss - running);
      bar?.update(step, { epoch: `${epoch}/${epochs}`, loss: number(running) });
    },
    onEpoch({ epoch, train, validation, time }: EpochRecord) {
      const parts = [
        `epoch ${epoch}/${epochs}`,
        `train ${scoreText(train)}`,
        ...(validation
          ? [`validation f32 ${scoreText(validation.float32)}, deployed ${scoreText(validation.deployed)}`]
          : []),
        seconds(time.epochMs / 1000),
      ];
      line(parts.join('; '));
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
