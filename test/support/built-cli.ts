import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist/runtime/cli/main.js');

/** Builds `dist` where it is missing or older than a source file: what is spawned is what is tested. */
export function ensureBuilt(): void {
  const built = statSync(MAIN, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newest = Math.max(
    ...['grammar', 'compiler', 'runtime'].map((folder) => newestSource(join(ROOT, folder))),
  );
  if (built >= newest) return;
  execFileSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    {
      cwd: ROOT,
      stdio: 'inherit',
    },
  );
}

function newestSource(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .reduce((newest, entry) => Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface Spawned {
  readonly child: ChildProcess;
  /** Resolves when training starts, or when the process ends before that. */
  readonly training: Promise<void>;
  readonly exit: Promise<Exit>;
}

/** The command line as a process of its own. */
export function spawnQspec(argv: readonly string[], cwd: string): Spawned {
  const child = spawn(process.execPath, [MAIN, ...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout?.resume();
  let stderr = '';
  const training = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
      if (/\d+ steps in /.test(stderr)) resolve();
    });
  });
  const exit = new Promise<Exit>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stderr }));
  });
  return { child, training, exit };
}
