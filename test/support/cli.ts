import { main } from '../../runtime/cli/cli.ts';
import type { Io } from '../../runtime/cli/io.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether both streams are terminals. */
  readonly terminal?: boolean;
  /** Given the function that a signal would call. */
  readonly onInterrupt?: (interrupt: () => void) => void;
}

/** Runs one command line in this process. */
export async function qspec(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const written = { stdout: '', stderr: '' };
  const sink = (stream: keyof typeof written) => ({
    isTerminal: options.terminal ?? false,
    write: (text: string | Uint8Array) => {
      written[stream] += typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
    },
  });
  const io: Io = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    onInterrupt: (handler) => {
      options.onInterrupt?.(handler);
      return () => {};
    },
  };
  const exitCode = await main(argv, io);
  return { exitCode, ...written };
}
