import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { SUPPORT_NAMES, supportFileOf, supportFiles } from '../../../compiler/emit/tfjs/support-files.ts';

interface EmbedScript {
  embedSupport(): string;
  readonly target: string;
}

test('support.generated.ts is fresh: run `node scripts/embed-support.js` where it is not', async () => {
  const script: EmbedScript = await import(
    new URL('../../../scripts/embed-support.js', import.meta.url).href
  );
  expect(await readFile(script.target, 'utf8')).toBe(script.embedSupport());
});

test('support modules import nothing but tfjs-core and each other', () => {
  for (const [name, text] of supportFiles(SUPPORT_NAMES.map(supportFileOf))) {
    const imported = [...text.matchAll(/from '([^']+)'/g)].map(([, specifier]) => specifier);
    for (const specifier of imported)
      expect(specifier, name).toMatch(/^(@tensorflow\/tfjs-core|\.\/[\w-]+\.ts)$/);
  }
});

test('a module brings those that it imports', () => {
  expect([...supportFiles(['noise.ts']).keys()]).toEqual(['noise.ts', 'random.ts']);
});

test('a function that no support module exports is refused', () => {
  expect(() => supportFileOf('nothing')).toThrow("no support module exports 'nothing'");
});
