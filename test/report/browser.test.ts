import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findChromium } from '../browser/chromium.ts';
import { qspec } from '../support/cli.ts';
import { specText } from '../support/compile.ts';
import { temporaryFolder } from '../support/temporary.ts';

const chromium = findChromium();

test.skipIf(chromium === undefined)('a browser without a network draws every chart', async () => {
  const cwd = await temporaryFolder();
  const precision = 'weights: int8, activations: int8, gradients: int8 stochastic';
  await writeFile(
    join(cwd, 's.qspec'),
    specText({ model: 'x |> flatten |> dense(4) as f1 |> relu |> dense(10) as f2', precision }),
  );
  expect(await qspec(['check', 's.qspec', '--report', 'r.html'], { cwd })).toMatchObject({ exitCode: 0 });
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  const { stdout } = await promisify(execFile)(
    chromium ?? '',
    [
      ...flags,
      '--proxy-server=http://127.0.0.1:9',
      `--user-data-dir=${join(cwd, 'profile')}`,
      '--virtual-time-budget=10000',
      '--dump-dom',
      pathToFileURL(join(cwd, 'r.html')).href,
    ],
    { maxBuffer: 2 ** 26 },
  );
  const drawn = stdout.replace(/<script[\s\S]*?<\/script>/g, '');
  expect([...drawn.matchAll(/<svg[^>]*class="marks"/g)]).toHaveLength(5);
  expect(drawn).not.toContain('cannot be drawn');
  expect(drawn).toContain('>this spec</text>');
});
