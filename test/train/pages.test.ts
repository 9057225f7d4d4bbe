import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type RunCode, type RunParams, runFailure } from '../../runtime/failure.ts';

const path = 'runs/cnn2';

/** The message that each page explains. */
const EXAMPLES: { readonly [C in RunCode]: RunParams<C> } = {
  QS7100: { path },
  QS7101: { path },
  QS7102: { path: 'runs/cnn3' },
  QS7103: { path, option: '--seed', recorded: '1', given: '2' },
  QS7104: { path },
  QS7105: { path: `${path}/checkpoint.safetensors`, reason: 'its tensor "c1.weights" is missing' },
  QS7106: { path },
  QS7110: { step: 1812, name: 'c2.weights', value: 'NaN', loss: 'NaN' },
  QS7111: {
    path: 'weights.safetensors',
    tensor: 'c1.weights',
    reason: 'has the shape 16 × 1 × 5 × 5, not 16 × 1 × 3 × 3',
  },
  QS7113: { name: 'cnn2_mnist_auto' },
  QS7112: { needed: 6_272_000_000_000, available: 16_900_000_000 },
};

test.each(Object.keys(EXAMPLES) as RunCode[])('the page of %s shows its message as it is printed', (code) => {
  const page = readFileSync(new URL(`../../docs/diagnostics/${code}.md`, import.meta.url), 'utf8');
  const shown = /```text\n(.*?)\n```/s.exec(page)?.[1];
  expect(shown).toBe(runFailure(code, EXAMPLES[code]).message);
});
