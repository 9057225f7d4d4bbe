import { resolve } from 'node:path';
import { format } from '../../../compiler/syntax/format.ts';
import { parse } from '../../../compiler/syntax/parse.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { type Context, print, say } from '../context.ts';
import { successOf } from '../diagnostics.ts';
import { readSource } from '../source-file.ts';

interface Options {
  readonly check?: true;
  readonly stdout?: true;
}

/** `qspec fmt FILE…`. A file with a syntax error is left as it is. */
export async function fmt(context: Context, files: readonly string[], options: Options): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  for (const file of files) {
    const source = await readSource(context.io.cwd, file);
    const parsed = successOf(context, source, parse(source));
    if (!parsed) {
      exitCode = EXIT.diagnostics;
      continue;
    }
    const text = format(parsed, source);
    if (options.stdout) context.io.stdout.write(text);
    else if (text === source.text) continue;
    else if (options.check) {
      print(context, file);
      exitCode = EXIT.diagnostics;
    } else {
      await writeAtomic(resolve(context.io.cwd, file), text);
      say(context, `formatted ${file}`);
    }
  }
  return exitCode;
}
