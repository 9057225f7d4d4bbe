import type { CheckedData } from '../../compiler/check/checked-spec.ts';
import { dataError } from '../storage/data-error.ts';
import { loadCsv } from './csv.ts';
import { glyphs } from './glyphs.ts';
import { loadPublicSet } from './public-data.ts';
import { CIFAR10, FASHION_MNIST, MNIST } from './public-sets.ts';
import { regression } from './regression.ts';
import { dataRoot } from './root.ts';
import { type Dataset, elements, rows, type Split } from './split.ts';

export type { Dataset, Split, Target } from './split.ts';

export interface LoadDataOptions {
  /** The data folder; {@link dataRoot} where absent. */
  readonly root?: string;
  readonly log?: (line: string) => void;
}

const PUBLIC = { mnist: MNIST, fashion_mnist: FASHION_MNIST, cifar10: CIFAR10 } as const;

/**
 * Loads or makes the samples that a spec's `data` item names. The last `validation` samples of the training set in file order
 * are held out first; `train` then limits how many of the others are kept, the first ones, so that the validation set does
 * not depend on the limit.
 *
 * @throws DataError where files are missing or wrong, or where no training samples are left
 */
export async function loadDataset(data: CheckedData, options: LoadDataOptions = {}): Promise<Dataset> {
  const root = options.root ?? dataRoot();
  const { train, test } = await loadSplits(data, root, options.log ?? (() => undefined));
  checkWidths(data, train);
  const kept = train.count - data.validation;
  if (kept <= 0) {
    const hint = `set validation to less than ${train.count}`;
    throw dataError('QS7010', { samples: train.count, validation: data.validation }, hint);
  }
  return {
    name: data.name,
    sampleShape: data.sampleShape,
    target: data.target,
    train: rows(train, 0, Math.min(kept, data.train ?? kept)),
    validation: rows(train, kept, train.count),
    test,
  };
}

async function loadSplits(
  data: CheckedData,
  root: string,
  log: (line: string) => void,
): Promise<{ readonly train: Split; readonly test: Split }> {
  const { source } = data;
  switch (source.kind) {
    case 'mnist':
    case 'fashion_mnist':
    case 'cifar10':
      return loadPublicSet(PUBLIC[source.kind], root);
    case 'glyphs':
      return glyphs(source);
    case 'regression':
      return regression(source);
    case 'csv':
      return loadCsv(source, data.target, root, log);
  }
}

/** The spec's shapes come from its text; the files may disagree. */
function checkWidths(data: CheckedData, train: Split): void {
  const mismatch = (what: string, actual: number, declared: number): void => {
    if (actual === declared) return;
    throw dataError('QS7013', {
      dataset: data.name,
      what,
      actual: `${actual} values`,
      declared: `${declared}`,
    });
  };
  mismatch('one sample', train.x.length / train.count, elements(data.sampleShape));
  if (train.targets) mismatch('one target', train.targets.length / train.count, data.target.count);
}
