import { hasErrors } from '../../../compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../../../compiler/diagnostics/render.ts';
import { checkSource } from '../../../compiler/pipeline.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { type Context, say } from '../context.ts';
import { readSource } from '../source-file.ts';

/**
 * `qspec check FILE…`. Diagnostics are what this command makes: as JSON, one object a line, they go to stdout. With the
 * other reporters they are messages.
 */
export async function check(context: Context, files: readonly string[]): Promise<ExitCode> {
  const { io, reporter, color, style } = context;
  const sink = reporter === 'json' ? io.stdout : io.stderr;
  let failed = 0;
  for (const file of files) {
    const source = await readSource(io.cwd, file);
    const { diagnostics } = checkSource(source);
    sink.write(renderDiagnostics(diagnostics, source, { reporter, color }));
    if (hasErrors(diagnostics)) failed++;
    else if (reporter === 'pretty') say(context, `${style.green('ok')} ${file}`);
  }
  return failed > 0 ? EXIT.diagnostics : EXIT.ok;
}
