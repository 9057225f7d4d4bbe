import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The prebuilt charting libraries, in the order in which they build on one another. */
const BUILDS: readonly (readonly [name: string, file: string])[] = [
  ['vega', 'vega.min.js'],
  ['vega-lite', 'vega-lite.min.js'],
  ['vega-embed', 'vega-embed.min.js'],
];

/** Their text, as it may stand in a script element. */
export function chartLibraries(): Promise<readonly string[]> {
  return Promise.all(
    BUILDS.map(async ([name, file]) => {
      // Packages do not export these files, but they stand beside those that they do.
      const text = await readFile(join(dirname(require.resolve(name)), file), 'utf8');
      return text.replaceAll('</script', '<\\/script').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
    }),
  );
}
