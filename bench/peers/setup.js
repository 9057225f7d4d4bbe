// Makes the Python environment of `npm run bench -- step`: a virtual environment in .peers/python with PyTorch and NumPy.
//
//   npm run bench:peers                       with the packages that pip finds
//   npm run bench:peers -- --index-url URL    further arguments go to pip, such as the index of PyTorch's wheels for CPUs
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['torch==2.13.0', 'numpy'];

const root = fileURLToPath(new URL('../..', import.meta.url));
const environment = join(root, '.peers', 'python');
const python =
  process.platform === 'win32'
    ? join(environment, 'Scripts', 'python.exe')
    : join(environment, 'bin', 'python');

try {
  if (!existsSync(python)) run(process.env.PYTHON ?? 'python3', ['-m', 'venv', environment]);
  run(python, ['-m', 'pip', 'install', '--disable-pip-version-check', ...PACKAGES, ...process.argv.slice(2)]);
  run(python, [
    '-c',
    "import numpy, torch; print(f'PyTorch {torch.__version__}, NumPy {numpy.__version__}')",
  ]);
} catch (failure) {
  console.error(`PyTorch is not installed, and the bench reports it absent: ${failure.message}`);
  process.exitCode = 1;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', cwd: root });
  if (error) throw new Error(`${command} does not start (${error.message}); PYTHON may name another`);
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}`);
}
