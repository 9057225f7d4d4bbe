import { readdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CheckedData } from '../../compiler/check/checked-spec.ts';
import { type Dataset, loadDataset } from '../../runtime/data/dataset.ts';
import { fetchDataset } from '../../runtime/data/fetch.ts';
import { temporaryFolder } from '../support/temporary.ts';

const root = process.env['QSPEC_DATA'];
if (!root) console.log('QSPEC_DATA is not set: the tests of the public data sets are skipped');

function load(
  kind: 'mnist' | 'fashion_mnist' | 'cifar10',
  validation: number,
  from = root,
): Promise<Dataset> {
  const data: CheckedData = {
    name: kind,
    source: { kind },
    batch: 64,
    validation,
    train: undefined,
    augment: [],
    sampleShape: kind === 'cifar10' ? [3, 32, 32] : [1, 28, 28],
    target: { kind: 'classes', count: 10 },
    span: { start: 0, end: 0 },
  };
  return loadDataset(data, from ? { root: from } : {});
}

/** Mean and standard deviation of the pixels of each channel, in units of full scale. */
function channelStatistics({ train, sampleShape }: Dataset): readonly (readonly [number, number])[] {
  const [channels = 0, height = 0, width = 0] = sampleShape;
  const plane = height * width;
  return Array.from({ length: channels }, (_, channel) => {
    let total = 0;
    let squares = 0;
    for (let sample = 0; sample < train.count; sample++) {
      const start = (sample * channels + channel) * plane;
      for (let i = start; i < start + plane; i++) {
        const value = train.x[i] ?? 0;
        total += value;
        squares += value * value;
      }
    }
    const mean = total / (train.count * plane);
    return [mean / 255, Math.sqrt(squares / (train.count * plane) - mean * mean) / 255] as const;
  });
}

const histogram = (labels: Int32Array | undefined) =>
  Array.from({ length: 10 }, (_, digit) => labels?.filter((label) => label === digit).length);

describe.skipIf(!root)('public data sets', () => {
  // The statistics are those that papers and libraries print for normalisation.
  test('MNIST', async () => {
    const data = await load('mnist', 0);
    expect([data.train.count, data.test.count, data.validation.count]).toEqual([60_000, 10_000, 0]);
    expect([...(data.train.labels ?? []).slice(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...(data.test.labels ?? []).slice(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    expect(histogram(data.train.labels)).toEqual([
      5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]);
    const [[mean, deviation] = [0, 0]] = channelStatistics(data);
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(deviation).toBeCloseTo(0.3081, 4);
  });

  test('Fashion-MNIST, with a validation set', async () => {
    const data = await load('fashion_mnist', 5000);
    expect([data.train.count, data.test.count, data.validation.count]).toEqual([55_000, 10_000, 5000]);
    expect(histogram(data.test.labels)).toEqual(new Array(10).fill(1000));
    const all = await load('fashion_mnist', 0);
    expect(histogram(all.train.labels)).toEqual(new Array(10).fill(6000));
    const [[mean, deviation] = [0, 0]] = channelStatistics(all);
    expect(mean).toBeCloseTo(0.286, 4);
    expect(deviation).toBeCloseTo(0.353, 4);
    expect(data.validation.labels).toEqual(all.train.labels?.subarray(55_000));
  });

  test('CIFAR-10', async () => {
    const data = await load('cifar10', 0);
    expect([data.train.count, data.test.count]).toEqual([50_000, 10_000]);
    expect(histogram(data.train.labels)).toEqual(new Array(10).fill(5000));
    expect(histogram(data.test.labels)).toEqual(new Array(10).fill(1000));
    // frog, truck, truck, deer, automobile
    expect([...(data.train.labels ?? []).slice(0, 5)]).toEqual([6, 9, 9, 4, 1]);
    const statistics = channelStatistics(data);
    expect(statistics.map(([mean]) => Number(mean.toFixed(4)))).toEqual([0.4914, 0.4822, 0.4465]);
    expect(statistics.map(([, deviation]) => Number(deviation.toFixed(4)))).toEqual([0.247, 0.2435, 0.2616]);
  });

  test('Fashion-MNIST where MNIST is looked for is recognized', async () => {
    const folder = await temporaryFolder();
    for (const name of await readdir(join(root ?? '', 'fashion-mnist'))) {
      await symlink(resolve(root ?? '', 'fashion-mnist', name), join(folder, name));
    }
    expect((await load('fashion_mnist', 0, folder)).train.count).toBe(60_000);
    await expect(load('mnist', 0, folder)).rejects.toMatchObject({
      code: 'QS7007',
      hint: 'this is a file of Fashion-MNIST; put it into the folder fashion-mnist',
    });
  });

  test.each(['mnist', 'fashion-mnist', 'cifar10'])(
    '%s is complete, so that nothing is fetched',
    async (name) => {
      const log: string[] = [];
      const fetchImpl: typeof fetch = () => Promise.reject(new Error('the network was used'));
      await fetchDataset(name, { root: root ?? '', fetchImpl, log: (line) => log.push(line) });
      expect(log).toEqual([expect.stringContaining('is complete in')]);
    },
  );
});
