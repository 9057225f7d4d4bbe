// Builds the native part of @tensorflow/tfjs-node from the source in its npm package, against the shared libraries and headers of a
// TensorFlow for Python, where its own install script could not download a prebuilt one.
//
//   npm run build:tfjs-node                          installs the TensorFlow named below with pip, into .peers/tensorflow
//   npm run build:tfjs-node -- --tensorflow FOLDER   uses the one in FOLDER/tensorflow, such as a site-packages folder
//
// It wants Python with pip, a C++ compiler and make, and Node's headers (node-gyp downloads them where Node is installed without).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const TENSORFLOW = 'tensorflow-cpu==2.21.0';
const NAPI_VERSION = 8;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { tensorflow: { type: 'string' } } });

try {
  build(tfjsNodeFolder(), tensorflowFolder(values.tensorflow));
} catch (failure) {
  console.error(`error: ${failure.message}`);
  process.exitCode = 1;
}

function build(addon, tensorflow) {
  console.log(`building ${relative(root, addon)} against ${relative(root, tensorflow)}`);
  linkLibraries(addon, tensorflow);
  keepRunningOnNode23(addon);
  run(process.execPath, [...nodeGyp(), 'rebuild', ...gypOptions(addon)], { cwd: addon });
  rmSync(join(addon, 'build'), { recursive: true, force: true });
  const check =
    "const tf = require('@tensorflow/tfjs-node');" +
    'const four = tf.tensor1d([1, 3]).sum().dataSync()[0];' +
    "console.log('tfjs-node ' + tf.version['tfjs-node'] + ' runs on the backend ' + tf.getBackend() + ': 1 + 3 = ' + four);";
  run(process.execPath, ['-e', check], { cwd: root, env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' } });
}

/** The folder of the npm package, which is there even where its install script failed to download anything. */
function tfjsNodeFolder() {
  const require = createRequire(import.meta.url);
  try {
    return dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
  } catch {
    throw new Error(
      "the package @tensorflow/tfjs-node is not there: run 'npm install --ignore-scripts @tensorflow/tfjs-node' first",
    );
  }
}

function tensorflowFolder(given) {
  const libraries = (folder) => existsSync(join(folder, 'libtensorflow_cc.so.2'));
  if (given !== undefined) {
    const folder = resolve(given, 'tensorflow');
    if (!libraries(folder)) throw new Error(`there is no libtensorflow_cc.so.2 in ${folder}`);
    return folder;
  }
  const target = join(root, '.peers', 'tensorflow');
  const folder = join(target, 'tensorflow');
  if (libraries(folder)) return folder;
  console.log(`installing ${TENSORFLOW} into ${relative(root, target)}`);
  const python = process.env.PYTHON ?? 'python3';
  run(python, ['-m', 'pip', 'install', '--no-deps', '--target', target, TENSORFLOW], { cwd: root });
  return folder;
}

/** What `binding.gyp` expects under `deps`: headers, and libraries by the names to link with and by those to load. */
function linkLibraries(addon, tensorflow) {
  const deps = join(addon, 'deps');
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(join(deps, 'lib'), { recursive: true });
  const link = (target, name) => symlinkSync(join(tensorflow, target), join(deps, name));
  link('include', 'include');
  link('libtensorflow_cc.so.2', 'lib/libtensorflow.so');
  link('libtensorflow_cc.so.2', 'lib/libtensorflow_cc.so.2');
  link('libtensorflow_framework.so.2', 'lib/libtensorflow_framework.so');
  link('libtensorflow_framework.so.2', 'lib/libtensorflow_framework.so.2');
}

/** Node 23 removed `util.isNullOrUndefined` and `util.isArray`, which three lines of the package still call. */
function keepRunningOnNode23(addon) {
  for (const file of ['dist/nodejs_kernel_backend.js', 'dist/kernels/TopK.js']) {
    const path = join(addon, file);
    const text = readFileSync(path, 'utf8');
    const edited = text
      .replace(/\(0, util_1\.isNullOrUndefined\)\((\w+)\)/g, '($1 === null || $1 === undefined)')
      .replace(/\(0, util_1\.isArray\)\(/g, 'Array.isArray(');
    if (edited !== text) writeFileSync(path, edited);
  }
}

function gypOptions(addon) {
  const headers = join(dirname(dirname(process.execPath)), 'include', 'node', 'node_api.h');
  return [
    '--module_name=tfjs_binding',
    `--module_path=${join(addon, 'lib', `napi-v${NAPI_VERSION}`)}`,
    `--napi_build_version=${NAPI_VERSION}`,
    ...(existsSync(headers) ? [`--nodedir=${dirname(dirname(process.execPath))}`] : []),
  ];
}

/** The command line of the node-gyp that npm brings. */
function nodeGyp() {
  const npmFolders = [
    process.env.npm_execpath && dirname(dirname(process.env.npm_execpath)),
    join(dirname(dirname(process.execPath)), 'lib', 'node_modules', 'npm'),
    join(dirname(process.execPath), 'node_modules', 'npm'),
  ].filter(Boolean);
  const scripts = npmFolders.map((folder) => join(folder, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'));
  const found = scripts.find((script) => existsSync(script));
  if (!found)
    throw new Error(
      'npm is not where node is, and with it node-gyp: start this with npm run build:tfjs-node',
    );
  return [found];
}

function run(command, args, options) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error) throw new Error(`${command} does not start: ${error.message}`);
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}`);
}
