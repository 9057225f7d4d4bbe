#!/usr/bin/env node
import { main } from './cli.ts';
import { createContext } from './context.ts';
import { reportFailure } from './failures.ts';
import { processIo } from './process-io.ts';

const io = processIo();

// What a library throws outside of any call still ends in one line.
process.on('uncaughtException', (error) => {
  process.exit(reportFailure(createContext(io, 'pretty'), error));
});

// The exit code is set, not forced: what was written to a pipe is still on its way.
process.exitCode = await main(process.argv.slice(2), io);
