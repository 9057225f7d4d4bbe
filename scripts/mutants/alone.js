// Judges one mutant of what every rule is made of, or nothing: all modules are loaded from a folder in which it stands.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, tightness, slopeTightness] = process.argv.slice(2);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const load = (path) => import(pathToFileURL(join(folder, path)).href);
try {
  const { REGISTRY } = await load('compiler/ops/registry.js');
  const { brokenLaw } = await load('test/bounds/fast.js');
  const law = brokenLaw(Object.keys(REGISTRY), read(tightness), read(slopeTightness));
  process.send({ law });
} catch (cause) {
  process.send({ law: `exception: ${cause instanceof Error ? cause.message : cause}` });
}
process.disconnect();
