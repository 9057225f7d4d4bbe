import pc from 'picocolors';
import type { Io } from './io.ts';

export const REPORTERS = ['pretty', 'json', 'github'] as const;
export type Reporter = (typeof REPORTERS)[number];

/** What every command gets beside its own arguments. */
export interface Context {
  readonly io: Io;
  readonly reporter: Reporter;
  /** Whether messages, which go to stderr, are coloured. */
  readonly color: boolean;
  /** Styles for messages; plain where there is no colour. */
  readonly style: ReturnType<typeof pc.createColors>;
}

export function createContext(io: Io, reporter: Reporter): Context {
  const color = wantsColor(io);
  return { io, reporter, color, style: pc.createColors(color) };
}

/** NO_COLOR (https://no-color.org) goes before FORCE_COLOR, and both before what the stream is. */
function wantsColor({ env, stderr }: Io): boolean {
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stderr.isTerminal && env['TERM'] !== 'dumb';
}

/** A message for the user: one line on stderr. */
export function say(context: Context, line: string): void {
  context.io.stderr.write(`${line}\n`);
}

/** Data that another program may read: one line on stdout. */
export function print(context: Context, line: string): void {
  context.io.stdout.write(`${line}\n`);
}
