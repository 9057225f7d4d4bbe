import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Augmentation } from '../../compiler/check/checked-spec.ts';
import { permutation } from '../../compiler/numeric/random.ts';
import { augmentSample } from '../../runtime/data/augment.ts';
import { evaluationBatches, trainingBatches } from '../../runtime/data/batches.ts';
import { type Dataset, elements, type Split } from '../../runtime/data/split.ts';
import { cases } from '../support/property.ts';
import { noiseBytes } from './synthetic.ts';

const EMPTY: Split = { count: 0, x: new Uint8Array() };

/** Images whose sample `i` has the label `i`. */
function images(count: number, sampleShape: readonly number[] = [1, 4, 4]): Dataset {
  const train = {
    count,
    x: noiseBytes(count * elements(sampleShape)),
    labels: Int32Array.from({ length: count }, (_, i) => i),
  };
  return {
    name: 'images',
    sampleShape,
    target: { kind: 'classes', count },
    train,
    validation: EMPTY,
    test: EMPTY,
  };
}

function table(count: number): Dataset {
  const train = {
    count,
    x: Float32Array.from({ length: count * 3 }, (_, i) => i / 7),
    targets: Float32Array.from({ length: count * 2 }, (_, i) => 1000 - i),
  };
  return {
    name: 'table',
    sampleShape: [3],
    target: { kind: 'values', count: 2 },
    train,
    validation: EMPTY,
    test: EMPTY,
  };
}

const options = (batch: number | 'all', augment: readonly Augmentation[] = [], seed = 3) => ({
  batch,
  augment,
  seed,
});
const AUGMENT: readonly Augmentation[] = [{ kind: 'crop', size: 4, pad: 1 }, { kind: 'flip' }];

describe('training batches', () => {
  const sizes = fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
    .map(([count, b]) => ({ count, batch: Math.min(b, count) }));

  test('an epoch is the first whole batches of its permutation: no sample twice', () => {
    fc.assert(
      fc.property(sizes, fc.nat(5), fc.nat(), ({ count, batch }, epoch, seed) => {
        const batches = trainingBatches(images(count), options(batch, [], seed));
        expect(batches.stepsPerEpoch).toBe(Math.floor(count / batch));
        const seen = Array.from({ length: batches.stepsPerEpoch }, (_, step) => [
          ...(batches.batchAt(epoch, step).labels ?? []),
        ]).flat();
        const order = permutation(seed, 'shuffle', epoch, count);
        expect(seen).toEqual([...order.subarray(0, batches.stepsPerEpoch * batch)]);
        expect(new Set(seen).size).toBe(seen.length);
      }),
      cases(100),
    );
  });

  test('a step’s batch does not depend on what was read before', () => {
    const forward = trainingBatches(images(23), options(4, AUGMENT));
    const steps = [0, 1, 2].flatMap((epoch) => [0, 1, 2, 3, 4].map((step) => [epoch, step] as const));
    const inOrder = steps.map(([epoch, step]) => forward.batchAt(epoch, step));
    for (const [i, [epoch, step]] of [...steps.entries()].reverse()) {
      expect(trainingBatches(images(23), options(4, AUGMENT)).batchAt(epoch, step)).toEqual(inOrder[i]);
      expect(forward.batchAt(epoch, step)).toEqual(inOrder[i]);
    }
  });

  test('pixels are decoded to the float32 nearest to byte / 255', () => {
    const x = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const train = { count: 1, x, labels: Int32Array.of(0) };
    const batch = trainingBatches({ ...images(1, [1, 16, 16]), train }, options(1)).batchAt(0, 0);
    expect(batch.shape).toEqual([1, 1, 16, 16]);
    expect([...batch.x]).toEqual(Array.from({ length: 256 }, (_, byte) => Math.fround(byte / 255)));
  });

  test('rows keep their targets', () => {
    const data = table(10);
    const { x, targets, labels, shape } = trainingBatches(data, options(4)).batchAt(1, 1);
    const order = permutation(3, 'shuffle', 1, 10).subarray(4, 8);
    expect(shape).toEqual([4, 3]);
    expect(labels).toBeUndefined();
    order.forEach((sample, row) => {
      expect([...x.subarray(row * 3, row * 3 + 3)]).toEqual([
        ...data.train.x.subarray(sample * 3, sample * 3 + 3),
      ]);
      expect([...(targets?.subarray(row * 2, row * 2 + 2) ?? [])]).toEqual([
        1000 - 2 * sample,
        999 - 2 * sample,
      ]);
    });
  });

  test('`all` reads everything, in file order, each step', () => {
    const batches = trainingBatches(table(5), options('all'));
    expect([batches.batch, batches.stepsPerEpoch]).toEqual([5, 1]);
    expect([...batches.batchAt(7, 0).x]).toEqual([...table(5).train.x]);
    expect(batches.batchAt(8, 0)).toEqual(batches.batchAt(0, 0));
  });

  test('seeds and epochs give other orders', () => {
    const order = (seed: number, epoch: number) =>
      [...(trainingBatches(images(50), options(50, [], seed)).batchAt(epoch, 0).labels ?? [])].join();
    expect(new Set([order(1, 0), order(1, 1), order(2, 0), order(2, 1)]).size).toBe(4);
  });

  test('a batch larger than the training set is refused', () => {
    expect(() => trainingBatches(images(3), options(4))).toThrow(
      expect.objectContaining({ code: 'QS7011', hint: 'set batch to at most 3' }),
    );
  });

  test('a step past the epoch is our own mistake', () => {
    expect(() => trainingBatches(images(10), options(4)).batchAt(0, 2)).toThrow('step 2 is not in an epoch');
  });
});

describe('evaluation batches', () => {
  test('cover a split in file order; the last is filled up with its last sample', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 12 }), (count, size) => {
        const { train, sampleShape } = images(count);
        const batches = [...evaluationBatches(train, sampleShape, size)];
        expect(batches.length).toBe(Math.ceil(count / size));
        expect(batches.every((batch) => batch.shape[0] === size && batch.x.length === size * 16)).toBe(true);
        const valid = batches.flatMap((batch) => [...(batch.labels ?? []).slice(0, batch.valid)]);
        expect(valid).toEqual([...(train.labels ?? [])]);
        for (const batch of batches) {
          const padding = [...(batch.labels ?? [])].slice(batch.valid);
          expect(new Set(padding).size).toBeLessThanOrEqual(1);
          expect(padding.every((label) => label === count - 1)).toBe(true);
        }
      }),
      cases(100),
    );
  });
});

describe('augmentation', () => {
  /** What the augmentations make of an image whose pixels are 1, 2, 3, … */
  function augmented(
    augment: readonly Augmentation[],
    sample: number,
    shape: readonly number[] = [2, 3, 3],
    epoch = 0,
  ): number[] {
    const image = Float32Array.from({ length: elements(shape) }, (_, i) => i + 1);
    augmentSample(image, shape, augment, { seed: 9, epoch, sample });
    return [...image];
  }

  test('flip mirrors whole rows of every channel, half of the time', () => {
    const plain = Array.from({ length: 18 }, (_, i) => i + 1);
    const mirrored = [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10, 15, 14, 13, 18, 17, 16];
    const results = Array.from({ length: 1000 }, (_, sample) => augmented([{ kind: 'flip' }], sample).join());
    const flipped = results.filter((result) => result === mirrored.join()).length;
    expect(results.filter((result) => result === plain.join()).length).toBe(1000 - flipped);
    // 6 standard deviations of a fair coin.
    expect(Math.abs(flipped - 500)).toBeLessThan(95);
  });

  test('crop shifts every channel alike by up to the padding and fills with 0; every shift occurs', () => {
    const shifts = new Set<string>();
    const crop: Augmentation = { kind: 'crop', size: 3, pad: 1 };
    const at = (channel: number, row: number, column: number) =>
      row < 0 || row > 2 || column < 0 || column > 2 ? 0 : channel * 9 + row * 3 + column + 1;
    const expected = (down: number, right: number) =>
      [0, 1].flatMap((channel) =>
        [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => at(channel, row + down, column + right))),
      );
    const possible = new Map(
      [-1, 0, 1].flatMap((down) =>
        [-1, 0, 1].map((right) => [expected(down, right).join(), `${down},${right}`] as const),
      ),
    );
    for (let sample = 0; sample < 300; sample++) {
      const shift = possible.get(augmented([crop], sample).join());
      expect(shift).toBeDefined();
      if (shift !== undefined) shifts.add(shift);
    }
    expect(shifts.size).toBe(9);
  });

  test('what a sample gets does not depend on the batch it is in', () => {
    const data = images(24);
    const perSample = (batch: number) => {
      const batches = trainingBatches(data, options(batch, AUGMENT));
      const rows = new Map<number, number[]>();
      for (let step = 0; step < batches.stepsPerEpoch; step++) {
        const { x, labels } = batches.batchAt(2, step);
        labels?.forEach((label, row) => {
          rows.set(label, [...x.subarray(row * 16, (row + 1) * 16)]);
        });
      }
      return [...rows].sort(([a], [b]) => a - b);
    };
    expect(perSample(4)).toEqual(perSample(8));
  });

  test('epochs augment differently', () => {
    const crop: Augmentation = { kind: 'crop', size: 8, pad: 4 };
    const results = [0, 1, 2, 3, 4, 5].map((epoch) => augmented([crop], 0, [1, 8, 8], epoch).join());
    expect(new Set(results).size).toBeGreaterThan(3);
  });

  test.each([
    [{ kind: 'crop', size: 3, pad: 1 }, [1, 4, 4], '3 × 3 images of 4 × 4'],
    [{ kind: 'crop', size: 4, pad: 1 }, [1, 4, 5], '4 × 4 images of 4 × 5'],
    [{ kind: 'flip' }, [10], 'samples of shape [10] are not images'],
  ] as const)('%j of samples of shape %j is refused', (step, shape, words) => {
    expect(() => trainingBatches(images(5, shape), options(2, [step]))).toThrow(
      expect.objectContaining({ code: 'QS7012', message: expect.stringContaining(words) }),
    );
  });
});
