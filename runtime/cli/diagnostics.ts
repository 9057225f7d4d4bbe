import { type Diagnostic, hasErrors, type Result } from '../../compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../../compiler/diagnostics/render.ts';
import type { Source } from '../../compiler/source/source.ts';
import type { Context } from './context.ts';

/** Prints what a stage had to say, to stderr. */
export function reportDiagnostics(
  context: Context,
  source: Source,
  diagnostics: readonly Diagnostic[],
): void {
  const { reporter, color } = context;
  if (diagnostics.length > 0)
    context.io.stderr.write(renderDiagnostics(diagnostics, source, { reporter, color }));
}

/** A stage's value, once its diagnostics are printed; undefined where there is an error among them. */
export function successOf<T>(
  context: Context,
  source: Source,
  { value, diagnostics }: Result<T>,
): T | undefined {
  reportDiagnostics(context, source, diagnostics);
  return hasErrors(diagnostics) ? undefined : value;
}
