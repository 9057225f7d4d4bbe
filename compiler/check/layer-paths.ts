import type { Span } from '../source/source.ts';
import type { Name } from '../syntax/ast.ts';
import type { Log } from './log.ts';

/** Paths longer than this are refused; copied by every `repeat`, they would fill the memory. */
const MAX_PATH = 1000;

/**
 * Names for the layers of one body. A labelled call is called by its label, any other by its kind and its place
 * among the calls of that kind in the body, counted from 1, so that giving one a label renames no other.
 */
export class PathScope {
  readonly prefix: string;
  readonly #log: Log;
  readonly #counts = new Map<string, number>();
  readonly #taken = new Map<string, Span>();

  constructor(prefix: string, log: Log) {
    this.prefix = prefix;
    this.#log = log;
  }

  /** The full path of a call; undefined after reporting that it is too long. */
  claim(kind: string, label: Name | undefined, span: Span): string | undefined {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const segment = label?.text ?? `${kind}_${count}`;
    const at = label?.span ?? span;
    const earlier = this.#taken.get(segment);
    if (earlier !== undefined) {
      const related = [{ span: earlier, message: 'first declared here' }];
      const hint =
        label === undefined
          ? `a call without a label is named by its kind and order: give it a label with 'as'`
          : undefined;
      this.#log.report(
        'QS2002',
        at,
        { kind: 'label', name: segment },
        { related, ...(hint === undefined ? {} : { hint }) },
      );
    }
    this.#taken.set(segment, at);
    if (this.prefix.length + segment.length > MAX_PATH)
      return this.#log.report('QS2014', at, { what: 'the path of this layer', limit: MAX_PATH });
    return this.prefix + segment;
  }
}
