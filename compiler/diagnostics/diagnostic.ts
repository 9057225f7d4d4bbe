import type { Span } from '../source/source.ts';
import { CATALOGUE, type Code, type Params } from './catalogue.ts';

export type Severity = 'error' | 'warning';

/** A second place that explains the first, such as an earlier declaration. */
export interface Related {
  readonly span: Span;
  readonly message: string;
}

/** One edit that removes the diagnostic. */
export interface Fix {
  readonly title: string;
  readonly span: Span;
  readonly replacement: string;
}

/** What a user got wrong, where, and what would work. Codes are never reused; see `docs/diagnostics/`. */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly message: string;
  readonly span: Span;
  readonly related: readonly Related[];
  readonly hint?: string;
  readonly fixes: readonly Fix[];
}

/** What a stage returns: its value if it could make one, and everything it has to say. */
export interface Result<T> {
  readonly value: T | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

interface Extras {
  readonly related?: readonly Related[];
  readonly hint?: string;
  readonly fixes?: readonly Fix[];
}

/** Makes a diagnostic from its catalogue entry; the message's parameters are typed by the code. */
export function diagnostic<C extends Code>(
  code: C,
  span: Span,
  params: Params<C>,
  extras: Extras = {},
): Diagnostic {
  const entry = CATALOGUE[code];
  return {
    code,
    severity: entry.severity,
    message: (entry.message as (p: Params<C>) => string)(params),
    span,
    related: extras.related ?? [],
    ...(extras.hint === undefined ? {} : { hint: extras.hint }),
    fixes: extras.fixes ?? [],
  };
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}
