import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type DataCode, type DataParams, dataError } from '../../runtime/storage/data-error.ts';

const DIGEST = 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db';
const OTHER = 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888';
const MIRROR = 'https://mirror.example/mnist/train-images-idx3-ubyte.gz';

/** The message that each page explains. */
const EXAMPLES: { readonly [C in DataCode]: DataParams<C> } = {
  QS7001: { path: 'data/houses.csv' },
  QS7002: { path: '../secrets.csv' },
  QS7003: { dataset: 'MNIST', files: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'], root: 'data' },
  QS7004: { path: 'data/houses.csv', reason: 'permission denied' },
  QS7005: { path: 'data/mnist/train-images-idx3-ubyte', actual: 1_048_576, expected: 47_040_016 },
  QS7006: { path: 'data/mnist/train-images-idx3-ubyte.gz', reason: 'incorrect data check' },
  QS7007: {
    path: 'data/train-images-idx3-ubyte',
    content: 'train-images-idx3-ubyte',
    actual: OTHER,
    expected: DIGEST,
  },
  QS7008: {
    path: 'data/mnist/train-images-idx3-ubyte',
    format: 'an IDX file of unsigned bytes with 3 dimensions',
    reason: 'its first four bytes are 0x00000801, not 0x00000803',
  },
  QS7009: { path: 'data/cifar10/data_batch_1.bin', sample: 12, label: 77, classes: 10 },
  QS7010: { samples: 6000, validation: 6000 },
  QS7011: { batch: 64, samples: 50 },
  QS7012: { augmentation: 'crop', reason: 'it gives 24 × 24 images of 32 × 32 ones' },
  QS7013: { dataset: 'houses', what: 'one sample', actual: '12 values', declared: '13' },
  QS7020: { path: 'data/houses.csv', line: 17, actual: 12, expected: 13 },
  QS7021: { path: 'data/houses.csv', line: 17, column: 'rooms', field: '"n/a"' },
  QS7022: { path: 'data/houses.csv', target: 'prize', columns: 'the columns "rooms", "area", "price"' },
  QS7023: { path: 'data/houses.csv', line: 17, reason: 'the quote that opens here is never closed' },
  QS7024: { path: 'data/houses.csv', samples: 1, needed: 2 },
  QS7025: { path: 'data/iris.csv', line: 17, column: 'species', field: '"3"', classes: 3 },
  QS7030: { name: 'imagenet' },
  QS7031: { url: MIRROR, reason: 'the connection was cut', attempts: 5 },
  QS7032: {
    url: MIRROR,
    reason: 'train-images-idx3-ubyte.gz is truncated: it holds 36 bytes, not the expected 47040016 bytes',
  },
  QS7050: { path: 'runs/cnn2/checkpoint.safetensors' },
  QS7051: { path: 'runs/cnn2/checkpoint.safetensors', reason: 'permission denied' },
  QS7052: {
    path: 'weights.safetensors',
    reason: 'its tensors need 4096 bytes, but only 1024 follow the header',
  },
  QS7053: { path: 'weights.safetensors', tensor: 'c1.weights', dtype: 'BF16' },
};

test.each(Object.keys(EXAMPLES) as DataCode[])(
  'the page of %s shows the message as it is printed',
  (code) => {
    const page = readFileSync(new URL(`../../docs/diagnostics/${code}.md`, import.meta.url), 'utf8');
    const { message } = dataError(code, EXAMPLES[code] as DataParams<typeof code>);
    expect(page).toMatch(new RegExp(`^# ${code}: .+\n`));
    expect(page).toContain(`\n\`\`\`text\n${message}\n\`\`\`\n`);
  },
);
