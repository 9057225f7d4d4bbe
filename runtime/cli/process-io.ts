import { EXIT } from '../failure.ts';
import { systemReason } from '../storage/data-error.ts';
import type { Io, Sink } from './io.ts';

/** The real process. */
export function processIo(): Io {
  return {
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    onInterrupt: (handler) => {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      return () => {
        process.off('SIGINT', handler);
        process.off('SIGTERM', handler);
      };
    },
  };
}

function sink(stream: NodeJS.WriteStream): Sink {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    open = false;
    // The reader has gone (`qspec explain … | head`): nobody is left to tell, and a run goes on.
    if (error.code === 'EPIPE' || stream === process.stderr) return;
    process.stderr.write(`error: cannot write to stdout: ${systemReason(error)}\n`);
    process.exit(EXIT.failed);
  });
  return {
    isTerminal: stream.isTTY === true,
    write: (text) => {
      if (open) stream.write(text);
    },
  };
}
