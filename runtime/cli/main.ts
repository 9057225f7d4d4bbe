#!/usr/bin/env node
import { main } from './cli.ts';
import { processIo } from './process-io.ts';

// The exit code is set, not forced: what was written to a pipe is still on its way.
process.exitCode = await main(process.argv.slice(2), processIo());
