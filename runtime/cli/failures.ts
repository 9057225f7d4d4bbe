import { CommanderError } from 'commander';
import { visibleText } from '../../compiler/diagnostics/render/visible.ts';
import { EngineUnavailable } from '../engines/engine.ts';
import { EXIT, type ExitCode, RunFailure } from '../failure.ts';
import { DataError } from '../storage/data-error.ts';
import { type Context, say } from './context.ts';

/** The command line cannot be carried out as it was given. */
export class UsageFailure extends Error {
  override readonly name = 'UsageFailure';
}

interface Described {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;
}

const BUGS = 'https://www.npmjs.com/package/qspec';

/** Prints one error in the context's format and returns the exit code that goes with it. Never prints a stack unless QSPEC_DEBUG is set. */
export function reportFailure(context: Context, error: unknown): ExitCode {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const { code, message, hint, exitCode } = describe(error);
  const { style } = context;
  if (context.reporter === 'json') {
    say(
      context,
      JSON.stringify({ severity: 'error', ...(code ? { code } : {}), message, ...(hint ? { hint } : {}) }),
    );
  } else if (context.reporter === 'github') {
    say(
      context,
      `::error${code ? ` title=${code}` : ''}::${escapeData(hint ? `${message} (${hint})` : message)}`,
    );
  } else {
    say(context, `${style.red(style.bold(code ? `error[${code}]` : 'error'))}: ${visibleText(message)}`);
    if (hint) say(context, `  ${style.cyan('hint')}: ${visibleText(hint)}`);
  }
  if (context.io.env['QSPEC_DEBUG'] && error instanceof Error) say(context, `${error.stack}`);
  return exitCode;
}

function describe(error: unknown): Described {
  if (error instanceof UsageFailure) {
    return { code: undefined, message: error.message, hint: undefined, exitCode: EXIT.usage };
  }
  if (error instanceof RunFailure) return error;
  if (error instanceof DataError) {
    return { code: error.code, message: error.message, hint: error.hint, exitCode: EXIT.failed };
  }
  if (error instanceof EngineUnavailable) {
    return {
      code: undefined,
      message: error.message,
      hint: "'qspec doctor' says which engines load; choose one with --engine",
      exitCode: EXIT.engineMissing,
    };
  }
  if (isOutOfMemory(error)) {
    return {
      code: undefined,
      message: `there is not enough memory: ${error.message}`,
      hint: 'a smaller batch, narrower layers or less data need less',
      exitCode: EXIT.failed,
    };
  }
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  return {
    code: undefined,
    message: `this is a mistake in QSpec: ${line}`,
    hint: `run the command again with QSPEC_DEBUG=1 and report what it prints (${BUGS})`,
    exitCode: EXIT.failed,
  };
}

/** What V8 throws where an array is larger than it can be, or than the system grants. */
function isOutOfMemory(error: unknown): error is RangeError {
  return (
    error instanceof RangeError &&
    /^(Invalid typed array length|Array buffer allocation failed|Invalid array buffer length)/.test(
      error.message,
    )
  );
}

/** Escapes of a workflow command's text (actions/toolkit, `command.ts`). */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
