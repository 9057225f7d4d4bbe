import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { generate } from '../../runtime/generate.ts';

test('generated/ holds what the specs compile to, and nothing else', async () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  expect(await generate(root, true)).toEqual([]);
});
