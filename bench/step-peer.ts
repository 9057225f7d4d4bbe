import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What a worker answers; `error` says why it could not do what it was asked. */
export interface Reply {
  readonly error?: string;
  readonly version?: string;
  /** Milliseconds of each step on the clock. */
  readonly times?: readonly number[];
  /** Milliseconds of processor time that all threads of the process took for each step: what other programs on the machine change least. */
  readonly processorTimes?: readonly number[];
}

/** A process that takes training steps when it is told to, and sleeps otherwise. */
export class Peer {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.name = name;
    this.#process = spawn(command, args, {
      stdio: ['pipe', 'pipe', process.env['QSPEC_BENCH_VERBOSE'] ? 'inherit' : 'ignore'],
      env: { ...process.env, ...env },
    });
    // A process that does not start, or dies, ends its lines: `ask` reports that.
    this.#process.on('error', () => {});
    this.#process.stdin?.on('error', () => {});
    const { stdout } = this.#process;
    if (!stdout) throw new Error('a worker has no stdout');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async ask(request: object): Promise<Reply> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) return { error: `the process of ${this.name} ended` };
      // Libraries print to stdout, too.
      if (value.startsWith('{')) return JSON.parse(value) as Reply;
    }
  }

  /** The same, where a failure is one of ours. */
  async demand(request: object): Promise<Reply> {
    const reply = await this.ask(request);
    if (reply.error !== undefined) throw new Error(`${this.name}: ${reply.error}`);
    return reply;
  }

  /** Largest resident memory so far in MiB, where the system says. */
  peakMemory(): number | undefined {
    const path = `/proc/${this.#process.pid}/status`;
    const kibibytes = existsSync(path)
      ? /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(path, 'utf8'))?.[1]
      : undefined;
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.pid === undefined) return;
    this.#process.stdin?.end();
    await once(this.#process, 'exit');
  }
}

/** A process of this program, for our engine or tfjs. */
export function nodePeer(name: string): Peer {
  const worker = fileURLToPath(import.meta.url).replace(/step-peer(\.[jt]s)$/, 'step-worker$1');
  return new Peer(name, process.execPath, [worker], { TF_CPP_MIN_LOG_LEVEL: '2' });
}

/** The Python that `npm run bench:peers` made, if it did. */
export function torchPython(): string | undefined {
  const environment = process.env['QSPEC_PEERS'] ?? join('.peers', 'python');
  return [join(environment, 'bin', 'python'), join(environment, 'Scripts', 'python.exe')].find((path) =>
    existsSync(path),
  );
}

/** A process of PyTorch's. */
export function torchPeer(python: string, { sleeping }: { readonly sleeping: boolean }): Peer {
  return new Peer('PyTorch', python, [join('bench', 'peers', 'worker.py')], {
    ...(sleeping ? { OMP_WAIT_POLICY: 'PASSIVE' } : {}),
    PYTHONDONTWRITEBYTECODE: '1',
    TORCHINDUCTOR_CACHE_DIR: join(process.cwd(), '.peers', 'inductor'),
  });
}
