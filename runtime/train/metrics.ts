import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { runFailure } from '../failure.ts';
import { writeFailure } from '../storage/data-error.ts';
import type { Score } from './score.ts';

/** What happened in one step. Everything but `time` is a function of the spec, the data, the seed and the engine. */
export interface StepRecord {
  readonly kind: 'step';
  /** Counted from 1. */
  readonly step: number;
  readonly epoch: number;
  /** Mean over the batch; `null` in the file where it is not finite. */
  readonly loss: number;
  /** Share of the batch that was classified rightly before the update; only where targets are classes. */
  readonly accuracy?: number;
  /** Values of the hyperparameters, such as `lr`. */
  readonly hyper: Readonly<Record<string, number>>;
  /** How many values among the step's outputs (loss, logits, new state) are NaN or infinite: more than 0 ends the run. */
  readonly nonFinite: number;
  readonly time: { readonly stepMs: number };
}

/** The model as trained, in f32 without quantizers, and as deployed: frozen scales, integer codes. */
export interface Scores {
  readonly float32: Score;
  readonly deployed: Score;
}

export interface EpochRecord {
  readonly kind: 'epoch';
  readonly epoch: number;
  readonly step: number;
  /** Means over the epoch's steps, each taken before that step's update. */
  readonly train: Score;
  readonly validation?: Scores;
  readonly time: { readonly epochMs: number };
}

export type MetricsRecord = StepRecord | EpochRecord;

/** Lines of short steps are written together, after so long with the next of them. */
const WRITE_EVERY_MS = 100;

/**
 * An append-only file of one JSON object a line. Its length is part of a checkpoint: a resumed run cuts off what
 * was written after the checkpoint and writes it again.
 */
export class MetricsLog {
  readonly #path: string;
  readonly #fd: number;
  #length: number;
  #waiting = '';
  #writtenAt = performance.now();

  /**
   * Opens the log and cuts it to `length` bytes.
   * @throws RunFailure where the file is shorter than that, DataError where it cannot be written
   */
  constructor(path: string, length: number) {
    this.#path = path;
    this.#length = length;
    this.#fd = this.#guard(() => openSync(path, length === 0 ? 'w' : 'r+'));
    const found = this.#guard(() => fstatSync(this.#fd).size);
    if (found < length) {
      closeSync(this.#fd);
      throw runFailure(
        'QS7105',
        { path, reason: `it has ${found} bytes, but the checkpoint was written when it had ${length}` },
        'start the run anew with --force',
      );
    }
    this.#guard(() => ftruncateSync(this.#fd, length));
  }

  /** Bytes in the file: all that was appended before the last {@link sync}, and some of what was after. */
  get length(): number {
    return this.#length;
  }

  append(record: MetricsRecord): void {
    this.#waiting += `${JSON.stringify(record)}\n`;
    if (performance.now() - this.#writtenAt >= WRITE_EVERY_MS) this.flush();
  }

  /** Writes what waits. */
  flush(): void {
    const bytes = Buffer.from(this.#waiting);
    this.#guard(() => {
      try {
        for (let written = 0; written < bytes.length; ) {
          written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#length + written);
        }
      } catch (failure) {
        ftruncateSync(this.#fd, this.#length);
        throw failure;
      }
    });
    this.#length += bytes.length;
    this.#waiting = '';
    this.#writtenAt = performance.now();
  }

  /** Writes what was appended and makes it survive a power failure. */
  sync(): void {
    this.flush();
    this.#guard(() => fsyncSync(this.#fd));
  }

  close(): void {
    try {
      this.flush();
    } catch {
      // Only a run that ends with an error has lines left here, and it is that error that the user must see.
    } finally {
      closeSync(this.#fd);
    }
  }

  #guard<T>(operation: () => T): T {
    try {
      return operation();
    } catch (failure) {
      throw writeFailure(this.#path, failure);
    }
  }
}
