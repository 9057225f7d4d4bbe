// Judges mutants in one process: the laws are loaded once, and a mutant's module takes the place of the rules that it defines.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, tightness, slopeTightness] = process.argv.slice(2);
const table = JSON.parse(readFileSync(tightness, 'utf8'));
const slopes = JSON.parse(readFileSync(slopeTightness, 'utf8'));
const load = (path) => import(pathToFileURL(join(folder, path)).href);
const RULES = 'compiler/ops/bounds';

const { REGISTRY } = await load('compiler/ops/registry.js');
const { brokenLaw } = await load('test/bounds/fast.js');
const original = new Map(Object.entries(REGISTRY).map(([op, { bounds }]) => [op, bounds]));

function restore() {
  for (const [op, bounds] of original) REGISTRY[op].bounds = bounds;
}

/** The ops that take their rules from a module, with the export that they take. */
async function takersOf(name) {
  const module = await load(`${RULES}/${name}.js`);
  const exported = new Map(Object.entries(module).map(([key, value]) => [value, key]));
  return [...original].flatMap(([op, bounds]) => (exported.has(bounds) ? [[op, exported.get(bounds)]] : []));
}

/** Slopes are one of the rules of an op that has others too. */
async function installSlopes(module) {
  const rules = await load(`${RULES}/slopes.js`);
  const exported = new Map(Object.entries(rules).map(([key, value]) => [value, key]));
  const ops = [];
  for (const [op, bounds] of original) {
    const key = exported.get(bounds.slopes);
    if (key === undefined) continue;
    REGISTRY[op].bounds = { ...bounds, slopes: module[key] };
    ops.push(op);
  }
  return ops;
}

/** Puts the mutant's rules in place and returns the ops that have them. */
async function install({ name, code, number }) {
  const mutated = `${name}.mutant${number}`;
  writeFileSync(join(folder, RULES, `${mutated}.js`), code);
  let source = name;
  let module = await load(`${RULES}/${mutated}.js`);
  if (name === 'bilinear') {
    // Its rules are those of the products.
    source = 'products';
    const products = readFileSync(join(folder, RULES, 'products.js'), 'utf8');
    const dependent = `products.mutant${number}`;
    writeFileSync(
      join(folder, RULES, `${dependent}.js`),
      products.replaceAll('./bilinear.js', `./${mutated}.js`),
    );
    module = await load(`${RULES}/${dependent}.js`);
  }
  if (name === 'slopes') return installSlopes(module);
  const takers = await takersOf(source);
  for (const [op, key] of takers) REGISTRY[op].bounds = module[key];
  const ops = takers.map(([op]) => op);
  if (name === 'shape') {
    for (const op of ['reshape', 'transpose']) {
      REGISTRY[op].bounds = module.view(original.get(op).known);
      ops.push(op);
    }
  }
  return ops;
}

process.on('message', async (mutant) => {
  let law;
  try {
    const ops = mutant === 'unchanged' ? [...original.keys()] : await install(mutant);
    law = brokenLaw(ops, table, slopes);
  } catch (cause) {
    law = `exception: ${cause instanceof Error ? cause.message : cause}`;
  }
  restore();
  process.send({ law });
});
process.send({ ready: true });
