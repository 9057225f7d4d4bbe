// Packs the package and uses it as its users do: installed in empty folders, with and without the optional native packages.
// Needs nothing but the npm registry. Fails with what went wrong; leaves nothing behind but a fresh dist/.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const MAX_BYTES = 1_000_000;

/** What a package of this project holds; anything else is there by mistake. */
const ALLOWED = [
  /^(README|CHANGELOG)\.md$/,
  /^LICENSE$/,
  /^package\.json$/,
  /^dist\/(compiler|grammar|runtime)\/.+\.(js|d\.ts)$/,
  /^docs\/.+\.md$/,
  /^grammar\/language\.md$/,
  /^specs\/[\w-]+\.qspec$/,
  // What is measured and certified of a spec lies beside it, and the schema beside the page that explains it.
  /^specs\/[\w-]+\.(sensitivities|certificate)\.json$/,
  /^docs\/certificate\.schema\.json$/,
];
const REQUIRED = [
  'README.md',
  'CHANGELOG.md',
  'dist/runtime/cli/main.js',
  'dist/compiler/index.d.ts',
  'grammar/language.md',
  'specs/quickstart.qspec',
];

const TINY = `spec tiny

data regression(samples: 40, features: 4, seed: 1) {
  batch: 8
}

model M(x: f32[4]) -> f32[1] {
  x |> dense(1) as f1
}

train {
  F = forward(M) |> mse
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ B ∘ F
  epochs: 2
}

precision {
  weights: int8
  activations: int8
  gradients: int8 stochastic
}
`;

/** Runs a program and returns what it printed; any other exit code than the expected one ends the check. */
function run(command, cwd, { code = 0, prints = /(?:)/, env = {} } = {}) {
  console.log(`$ ${command}`);
  const [program, ...args] = command.split(' ');
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', ...env },
    maxBuffer: 1 << 28,
    shell: process.platform === 'win32',
  });
  const output = `${stdout}${stderr}`;
  if (error) throw error;
  if (status !== code) throw new Error(`'${command}' exited with ${status}, not ${code}:\n${output}`);
  if (!prints.test(output)) throw new Error(`'${command}' does not print ${prints}:\n${output}`);
  if (/^\s+at .*:\d+:\d+\)?$/m.test(output)) throw new Error(`'${command}' prints a stack:\n${output}`);
  return stdout;
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

const folder = mkdtempSync(join(tmpdir(), 'qspec-package-'));
try {
  run('npm run build', root);
  const [packed] = JSON.parse(run(`npm pack --ignore-scripts --json --pack-destination ${folder}`, root));
  const names = packed.files.map(({ path }) => path);
  const foreign = names.filter((name) => !ALLOWED.some((pattern) => pattern.test(name)));
  expect(foreign.length === 0, `the package holds ${foreign.join(', ')}`);
  const missing = REQUIRED.filter((name) => !names.includes(name));
  expect(missing.length === 0, `the package lacks ${missing.join(', ')}`);
  expect(packed.size <= MAX_BYTES, `the package has ${packed.size} bytes, more than ${MAX_BYTES}`);
  const tarball = join(folder, packed.filename);
  const install = `npm install --prefer-offline --no-audit --no-fund ${tarball}`;

  const whole = join(folder, 'whole');
  mkdirSync(whole);
  run(install, whole, { env: { ONNXRUNTIME_NODE_INSTALL: 'skip' } });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  run('npx qspec --version', whole, { prints: new RegExp(`^${version}$`, 'm') });
  run('npx qspec init demo', whole);
  const demo = join(whole, 'demo');
  run('npx qspec check demo.qspec', demo);
  run('npx qspec train demo.qspec', demo, { prints: /deployed +\d/ });
  run('npx qspec verify runs/demo', demo, { prints: /^verified/m });
  const imports = "await import('qspec'); await import('qspec/compiler'); await import('qspec/runtime')";
  writeFileSync(join(whole, 'imports.mjs'), imports);
  run('node imports.mjs', whole);

  const bare = join(folder, 'bare');
  mkdirSync(bare);
  run(`${install} --omit=optional`, bare);
  for (const native of ['onnxruntime-node', '@tensorflow/tfjs-node'])
    expect(!existsSync(join(bare, 'node_modules', native)), `${native} is installed though it is optional`);
  writeFileSync(join(bare, 'tiny.qspec'), TINY);
  run('npx qspec check tiny.qspec', bare);
  run('npx qspec fmt --check tiny.qspec', bare);
  run('npx qspec explain tiny.qspec', bare, { prints: /f1\.weights +int8/ });
  run('npx qspec compile tiny.qspec', bare);
  run('npx qspec compile tiny.qspec --emit onnx --out step', bare);
  run('npx qspec doctor', bare, { code: 4, prints: /engine onnx .*onnxruntime-node.*not installed/ });
  run('npx qspec train tiny.qspec --engine onnx', bare, {
    code: 4,
    prints: /onnxruntime-node.*not installed/,
  });
  expect(!existsSync(join(bare, 'runs')), 'a run without an engine leaves a folder');
  run('npx qspec train tiny.qspec --engine tfjs', bare, { prints: /plain JavaScript backend/ });
  run('npx qspec eval runs/tiny', bare, { prints: /deployed +loss/ });
  run('npx qspec export runs/tiny --out tiny.onnx', bare);
  run('npx qspec verify runs/tiny', bare, { code: 4, prints: /onnxruntime-node.*not installed/ });
  console.log(
    `ok: ${packed.filename}, ${names.length} files, ${packed.size} bytes packed, ${packed.unpackedSize} unpacked`,
  );
} catch (failure) {
  console.error(`the package does not work: ${failure.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
