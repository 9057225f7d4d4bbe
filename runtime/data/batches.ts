import type { Augmentation } from '../../compiler/check/checked-spec.ts';
import { permutation } from '../../compiler/numeric/random.ts';
import { dataError } from '../storage/data-error.ts';
import { augmentSample, validateAugmentation } from './augment.ts';
import { type Dataset, elements, type Split } from './split.ts';

/** What one step or one evaluation reads. */
export interface Batch {
  /** `[rows, …sampleShape]`. */
  readonly shape: readonly number[];
  readonly x: Float32Array;
  /** Class of each row, where the target is `classes`. */
  readonly labels?: Int32Array;
  /** `[rows, target.count]`, where the target is `values`. */
  readonly targets?: Float32Array;
  /** Rows that are samples; the rows after them only fill the batch up. */
  readonly valid: number;
}

export interface TrainingBatches {
  readonly stepsPerEpoch: number;
  /** Samples a step reads. */
  readonly batch: number;
  /**
   * The batch of a step, both counted from 0: a function of its arguments and the seed alone. In a step of shuffled batches row
   * `i` is sample `permutation[step · batch + i]` of the epoch.
   */
  batchAt(epoch: number, step: number): Batch;
}

export interface BatchOptions {
  /** Samples a step reads, or all of the training set, in file order, every step. */
  readonly batch: number | 'all';
  readonly augment: readonly Augmentation[];
  readonly seed: number;
}

/** float32 value of each pixel byte. */
const PIXEL = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * Batches to train on. Each epoch visits a new permutation of the training set; the samples at its end that do not
 * fill a batch are left out, so that every step has the same shape.
 *
 * @throws DataError where the training set does not fill one batch, or where an augmentation does not fit
 */
export function trainingBatches(dataset: Dataset, options: BatchOptions): TrainingBatches {
  const { train, sampleShape } = dataset;
  const { augment, seed } = options;
  const batch = options.batch === 'all' ? train.count : options.batch;
  if (batch > train.count) {
    throw dataError('QS7011', { batch, samples: train.count }, `set batch to at most ${train.count}`);
  }
  validateAugmentation(augment, sampleShape);
  const width = elements(sampleShape);
  const everything = Uint32Array.from({ length: train.count }, (_, sample) => sample);
  let shuffled: { epoch: number; order: Uint32Array } = { epoch: -1, order: everything };
  const order = (epoch: number): Uint32Array => {
    if (options.batch === 'all') return everything;
    if (shuffled.epoch !== epoch)
      shuffled = { epoch, order: permutation(seed, 'shuffle', epoch, train.count) };
    return shuffled.order;
  };
  return {
    stepsPerEpoch: Math.floor(train.count / batch),
    batch,
    batchAt(epoch, step) {
      const samples = order(epoch).subarray(step * batch, (step + 1) * batch);
      if (samples.length !== batch)
        throw new Error(`step ${step} is not in an epoch of ${train.count} samples`);
      const result = gather(train, sampleShape, samples, batch);
      if (augment.length > 0) {
        samples.forEach((sample, row) => {
          const image = result.x.subarray(row * width, (row + 1) * width);
          augmentSample(image, sampleShape, augment, { seed, epoch, sample });
        });
      }
      return result;
    },
  };
}

/**
 * A whole split in file order, in batches of one shape. The last is filled up with copies of its last sample, which change
 * no range or scale that is taken over the batch.
 */
export function* evaluationBatches(
  split: Split,
  sampleShape: readonly number[],
  batch: number,
): Generator<Batch> {
  for (let start = 0; start < split.count; start += batch) {
    const valid = Math.min(batch, split.count - start);
    const samples = Uint32Array.from({ length: batch }, (_, row) => start + Math.min(row, valid - 1));
    yield gather(split, sampleShape, samples, valid);
  }
}

/** Copies and decodes the samples at the given places. */
function gather(split: Split, sampleShape: readonly number[], samples: Uint32Array, valid: number): Batch {
  const { labels, targets } = split;
  const width = elements(sampleShape);
  const outputs = targets ? targets.length / split.count : 0;
  const x =
    split.x instanceof Float32Array
      ? new Float32Array(samples.length * width)
      : new Uint8Array(samples.length * width);
  const batchTargets = new Float32Array(samples.length * outputs);
  samples.forEach((sample, row) => {
    x.set(split.x.subarray(sample * width, (sample + 1) * width), row * width);
    if (targets) batchTargets.set(targets.subarray(sample * outputs, (sample + 1) * outputs), row * outputs);
  });
  return {
    shape: [samples.length, ...sampleShape],
    x: x instanceof Float32Array ? x : decoded(x),
    ...(labels ? { labels: Int32Array.from(samples, (sample) => labels[sample] ?? 0) } : {}),
    ...(targets ? { targets: batchTargets } : {}),
    valid,
  };
}

function decoded(pixels: Uint8Array): Float32Array {
  const values = new Float32Array(pixels.length);
  // Four in a round take half the time of one.
  const fours = values.length - (values.length % 4);
  for (let i = 0; i < fours; i += 4) {
    values[i] = PIXEL[pixels[i] ?? 0] ?? 0;
    values[i + 1] = PIXEL[pixels[i + 1] ?? 0] ?? 0;
    values[i + 2] = PIXEL[pixels[i + 2] ?? 0] ?? 0;
    values[i + 3] = PIXEL[pixels[i + 3] ?? 0] ?? 0;
  }
  for (let i = fours; i < values.length; i++) values[i] = PIXEL[pixels[i] ?? 0] ?? 0;
  return values;
}
