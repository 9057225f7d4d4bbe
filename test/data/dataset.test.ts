import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CheckedData } from '../../compiler/check/checked-spec.ts';
import { loadDataset } from '../../runtime/data/dataset.ts';
import { regression } from '../../runtime/data/regression.ts';
import { dataRoot } from '../../runtime/data/root.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { writeFiles } from './synthetic.ts';

const SOURCE = { kind: 'regression', samples: 20, features: 3, noise: 0.1, seed: 4 } as const;

function data(changes: Partial<CheckedData> = {}): CheckedData {
  return {
    name: 'd',
    source: SOURCE,
    batch: 4,
    validation: 0,
    train: undefined,
    augment: [],
    sampleShape: [3],
    target: { kind: 'values', count: 1 },
    span: { start: 0, end: 0 },
    ...changes,
  };
}

describe('loadDataset', () => {
  const whole = regression(SOURCE).train;
  const wholeTargets = whole.targets ?? new Float32Array();

  test('holds out the last samples, then limits the others to the first', async () => {
    const { train, validation, test: held } = await loadDataset(data({ validation: 5, train: 10 }));
    expect([train.count, validation.count, held.count]).toEqual([10, 5, 20]);
    expect([...train.x]).toEqual([...whole.x.subarray(0, 30)]);
    expect([...(train.targets ?? [])]).toEqual([...wholeTargets.subarray(0, 10)]);
    expect([...validation.x]).toEqual([...whole.x.subarray(45, 60)]);
    expect([...(validation.targets ?? [])]).toEqual([...wholeTargets.subarray(15, 20)]);
  });

  test('a limit above what there is takes everything that is not held out', async () => {
    const { train, validation } = await loadDataset(data({ validation: 1, train: 1000 }));
    expect([train.count, validation.count]).toEqual([19, 1]);
  });

  test('the validation set does not depend on the limit', async () => {
    const small = await loadDataset(data({ validation: 3, train: 2 }));
    const large = await loadDataset(data({ validation: 3 }));
    expect(small.validation).toEqual(large.validation);
  });

  test('holding out everything is refused', async () => {
    await expect(loadDataset(data({ validation: 20 }))).rejects.toMatchObject({
      code: 'QS7010',
      message: 'holding out 20 validation samples leaves none of the 20 training samples',
      hint: 'set validation to less than 20',
    });
  });

  test('glyphs have ten classes of 28 × 28 pixels', async () => {
    const source = { kind: 'glyphs', samples: 6, testSamples: 2, seed: 1 } as const;
    const loaded = await loadDataset(
      data({ source, sampleShape: [1, 28, 28], target: { kind: 'classes', count: 10 } }),
    );
    expect([loaded.train.count, loaded.test.count, loaded.train.x.length]).toEqual([6, 2, 6 * 784]);
    expect(loaded.train.labels?.every((label) => label >= 0 && label < 10)).toBe(true);
  });

  test('a table of another width than the spec reads is refused', async () => {
    const root = await temporaryFolder();
    await writeFiles(root, [['t.csv', 'a,b,y\n1,2,3\n4,5,6\n']]);
    const source = { kind: 'csv', path: 't.csv', target: 'y', header: true } as const;
    await expect(loadDataset(data({ source }), { root })).rejects.toMatchObject({
      code: 'QS7013',
      message: 'd gives 2 values as one sample, but the spec reads 3',
    });
    const loaded = await loadDataset(data({ source, sampleShape: [2] }), { root });
    expect([...loaded.train.x]).toEqual([1, 2]);
  });

  test('two values cannot be read from one target column', async () => {
    const root = await temporaryFolder();
    await writeFiles(root, [['t.csv', '1,2\n3,4\n']]);
    const source = { kind: 'csv', path: 't.csv', target: '1', header: false } as const;
    const attempt = loadDataset(data({ source, sampleShape: [1], target: { kind: 'values', count: 2 } }), {
      root,
    });
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7013',
      message: expect.stringContaining('as one target'),
    });
  });

  test.each(['mnist', 'fashion_mnist', 'cifar10'] as const)(
    'a missing %s is named with how to get it',
    async (kind) => {
      const root = await temporaryFolder();
      const folder = kind.replace('_', '-');
      await expect(loadDataset(data({ source: { kind } }), { root })).rejects.toMatchObject({
        code: 'QS7003',
        hint: expect.stringContaining(`qspec data fetch ${folder}`),
      });
    },
  );
});

describe('dataRoot', () => {
  test('is what QSPEC_DATA says', () => {
    expect(dataRoot({ QSPEC_DATA: 'some/folder' })).toBe(resolve('some/folder'));
  });

  test.runIf(process.platform === 'linux')('is else the user’s cache', () => {
    expect(dataRoot({ XDG_CACHE_HOME: '/var/cache/me' })).toBe('/var/cache/me/qspec');
    expect(dataRoot({ QSPEC_DATA: '' })).toBe(join(homedir(), '.cache', 'qspec'));
    expect(dataRoot({ XDG_CACHE_HOME: 'relative' })).toBe(join(homedir(), '.cache', 'qspec'));
  });
});
