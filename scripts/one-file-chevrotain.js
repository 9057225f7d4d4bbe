// Lets the built compiler read Chevrotain's own one-file build, which loads in a twentieth of the time that the hundreds of modules of its
// package entry take: a command starts sooner. The package's `exports` do not name that file, so that it is copied beside the grammar.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const target = join(dist, 'grammar/chevrotain.js');
// The entry is lib/src/api.js, the one-file build lib/chevrotain.min.mjs.
const entry = createRequire(import.meta.url).resolve('chevrotain');
const folder = join(dirname(entry), '..');
const { version, license } = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8'));
const code = readFileSync(join(folder, 'chevrotain.min.mjs'), 'utf8').replace(
  /\/\/# sourceMappingURL=.*/,
  '',
);
writeFileSync(target, `/*! chevrotain ${version}, ${license}, https://chevrotain.io */\n${code}`);

let changed = 0;
for (const path of readdirSync(dist, { recursive: true })) {
  if (!/^(grammar|compiler)\b.*\.js$/.test(path)) continue;
  const file = join(dist, path);
  if (file === target) continue;
  const text = readFileSync(file, 'utf8');
  const to = relative(dirname(file), target).split(sep).join(posix.sep);
  const moved = text.replaceAll(/from 'chevrotain'/g, `from '${to.startsWith('.') ? to : `./${to}`}'`);
  if (moved === text) continue;
  writeFileSync(file, moved);
  changed++;
}
if (changed === 0) throw new Error('no module of the build reads chevrotain');
