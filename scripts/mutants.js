// Mutants of the error rules in compiler/ops/bounds, each run against the laws of test/bounds: how many die, and which survive.
//
//   node scripts/mutants.js [--file NAME] [--every N] [--offset N] [--list] [--verbose]
//
// A mutant is one edit of the syntax tree. The tree is transpiled once for each worker; a mutant replaces one file in it.
import { fork } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { mutantsOf } from './mutants/operators.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RULES = 'compiler/ops/bounds';
const CACHE = join(ROOT, 'node_modules/.cache/qspec-mutants');
const TIGHTNESS = join(ROOT, 'test/bounds/tightness.json');
const SLOPES = join(ROOT, 'test/bounds/slope-tightness.json');
const SURVIVORS = join(ROOT, 'test/bounds/survivors.json');
const WORKERS = 2;
const TIMEOUT = 40_000;
/** The share of mutants that must die. */
const LEAST = 0.95;

const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);

function transpiled(text) {
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2023,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

/** Every source that the laws import, read at once, so that all folders and mutants are of one state of the tree. */
function sources(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(path);
    return path.endsWith('.ts') && !path.endsWith('.test.ts') ? [path] : [];
  });
}
const TEXTS = new Map(
  ['compiler', 'test/bounds', 'test/support']
    .flatMap(sources)
    .concat('test/ops/samples.ts')
    .map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]),
);

/** The folder of a worker, with everything that the laws import. */
function prepared(worker) {
  const folder = join(CACHE, `worker${worker}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [path, text] of TEXTS) {
    const target = join(folder, path.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, transpiled(text));
  }
  return folder;
}

/** Files that rules of all ops are made of: their mutants are judged each in a process of its own. */
const SHARED = new Set(['range.ts', 'terms.ts']);

const script = (name) => join(ROOT, 'scripts/mutants', name);

function started(name, folder) {
  return fork(script(name), [folder, TIGHTNESS, SLOPES], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

/** The next message of a child that is not its greeting; a timeout or an early end is one too. */
function answerOf(child) {
  return new Promise((resolve) => {
    const done = (law) => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(law);
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      done('timeout');
    }, TIMEOUT);
    child.on('message', (message) => {
      if (!message.ready) done(message.law);
    });
    child.on('exit', () => done('timeout'));
  });
}

/** Judges mutants one after another; a process that a mutant has hung is replaced. */
function judge(folder) {
  let child;
  const inside = (mutant) => {
    if (child === undefined || child.exitCode !== null || child.killed) child = started('worker.js', folder);
    child.send(mutant);
    return answerOf(child);
  };
  const alone = async ({ path, code }) => {
    const target = join(folder, path.replace(/\.ts$/, '.js'));
    const original = readFileSync(target, 'utf8');
    writeFileSync(target, code);
    const law = await answerOf(started('alone.js', folder));
    writeFileSync(target, original);
    return law;
  };
  return {
    unchanged: async () => [await inside('unchanged'), await answerOf(started('alone.js', folder))],
    judged: (mutant) => (SHARED.has(mutant.file) ? alone(mutant) : inside(mutant)),
    end: () => child?.kill(),
  };
}

const files = Array.from(TEXTS.keys())
  .filter((path) => path.startsWith(`${RULES}/`))
  .map((path) => path.slice(RULES.length + 1))
  .filter((name) => (option('--file') ?? name) === name);
const mutants = files.sort().flatMap((name) => {
  const path = `${RULES}/${name}`;
  const text = TEXTS.get(path) ?? '';
  return mutantsOf(text, name).map((mutant) => ({
    ...mutant,
    path,
    file: name,
    name: name.replace('.ts', ''),
  }));
});
// Several hundred by default, evenly over all.
const every = Number(option('--every') ?? (option('--file') === undefined ? 3 : 1));
const chosen = mutants.filter((_, i) => i % every === Number(option('--offset') ?? 0));

if (args.includes('--list')) {
  for (const { id, before, after } of chosen) console.log(`${id}: ${before} → ${after}`);
  console.log(`${chosen.length} mutants`);
  process.exit(0);
}

const judges = Array.from({ length: WORKERS }, (_, worker) => judge(prepared(worker)));
for (const { unchanged } of judges) {
  for (const law of await unchanged()) {
    if (law === undefined) continue;
    console.error(`The laws do not hold before anything is changed: ${law}`);
    process.exit(1);
  }
}

const survivors = [];
const killers = new Map();
let next = 0;
async function work({ judged, end }) {
  for (let number = next++; number < chosen.length; number = next++) {
    const { id, before, after, text, ...place } = chosen[number];
    const law = await judged({ ...place, number, code: transpiled(text) });
    const killer = law?.match(/^(law \d|timeout|exception)/)?.[0] ?? 'survived';
    killers.set(killer, (killers.get(killer) ?? 0) + 1);
    if (law === undefined) survivors.push({ id, before, after });
    if (args.includes('--verbose') || law === undefined) {
      console.log(`${id}: ${before} → ${after}: ${law ?? 'SURVIVED'}`);
    }
  }
  end();
}
await Promise.all(judges.map(work));

/** `equivalent`: no input tells the mutant from the rule. `coarse`: it stays within what the rule is coarse by. */
const justified = new Map(JSON.parse(readFileSync(SURVIVORS, 'utf8')).map((entry) => [entry.id, entry]));
console.log('\nSurvivors:');
for (const { id, before, after } of survivors.sort((a, b) => (a.id < b.id ? -1 : 1))) {
  const entry = justified.get(id);
  console.log(`  ${id}: ${before} → ${after}: ${entry ? `${entry.kind}: ${entry.reason}` : 'NOT JUSTIFIED'}`);
}
for (const [killer, count] of [...killers].sort()) console.log(`${killer}: ${count}`);
const equivalent = survivors.filter(({ id }) => justified.get(id)?.kind === 'equivalent').length;
const unexplained = survivors.filter(({ id }) => !justified.has(id)).length;
const dead = chosen.length - survivors.length;
const share = dead / (chosen.length - equivalent);
console.log(`${chosen.length} mutants, ${equivalent} of them equivalent to the rules; of the others`);
console.log(`${dead} died, ${(100 * share).toFixed(1)} %, and ${survivors.length - equivalent} survived`);
if (unexplained > 0) console.log(`${unexplained} survivors are not justified in test/bounds/survivors.json`);
process.exit(share >= LEAST && unexplained === 0 ? 0 : 1);
