import { RUN_CODES } from '../compiler/diagnostics/catalogue/training.ts';

/** Exit codes of the command line; `docs/cli.md` lists them for users. */
export const EXIT = {
  ok: 0,
  diagnostics: 1,
  usage: 2,
  failed: 3,
  engineMissing: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export type RunCode = keyof typeof RUN_CODES;
export type RunParams<C extends RunCode> = Parameters<(typeof RUN_CODES)[C]['message']>[0];

/**
 * What stops a run though the spec is right: its directory, an engine, the numbers themselves. Like a diagnostic it
 * has a code, a message for the user and a hint; unlike one it has no span.
 */
export class RunFailure extends Error {
  override readonly name = 'RunFailure';
  readonly code: RunCode;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: RunCode, message: string, hint: string | undefined, exitCode: ExitCode) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** Makes the failure of a catalogue entry; the message's parameters are typed by the code. */
export function runFailure<C extends RunCode>(
  code: C,
  params: RunParams<C>,
  hint?: string,
  exitCode: ExitCode = EXIT.failed,
): RunFailure {
  const message = RUN_CODES[code].message as (p: RunParams<C>) => string;
  return new RunFailure(code, message(params), hint, exitCode);
}
