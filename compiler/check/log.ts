import type { Code, Params } from '../diagnostics/catalogue.ts';
import { type Diagnostic, diagnostic, type Fix, type Related } from '../diagnostics/diagnostic.ts';
import type { Span } from '../source/source.ts';

export interface Details {
  readonly related?: readonly Related[];
  readonly hint?: string;
  readonly fixes?: readonly Fix[];
}

/**
 * What a check has found so far. A mistake inside a block or a `repeat` is met once for every copy; only the
 * first is kept, as are only the first words about one code at one place.
 */
export class Log {
  readonly #diagnostics: Diagnostic[] = [];
  readonly #seen = new Set<string>();

  #suggestions = 0;

  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** Whether another suggestion is worth its search: the first hundred are. */
  maySuggest(): boolean {
    return this.#suggestions++ < 100;
  }

  /** Records a mistake and returns `undefined`, the value of what could not be checked further. */
  report<C extends Code>(code: C, span: Span, params: Params<C>, details: Details = {}): undefined {
    const key = `${code} ${span.start} ${span.end}`;
    if (this.#seen.has(key)) return undefined;
    this.#seen.add(key);
    this.#diagnostics.push(diagnostic(code, span, params, details));
    return undefined;
  }
}
