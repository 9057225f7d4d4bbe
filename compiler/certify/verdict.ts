/** What a certificate states, in the order in which it is checked. */
export type Kind =
  | 'digest'
  | 'spec'
  | 'format'
  | 'plan'
  | 'parameters'
  | 'range'
  | 'coefficient'
  | 'bound'
  | 'prediction'
  | 'confirmation'
  | 'requirement';

/** A statement that is not what was recomputed. */
export interface Discrepancy {
  readonly kind: Kind;
  /** JSON pointer into the certificate. */
  readonly at: string;
  readonly reason: string;
}

export interface Verdict {
  readonly holds: boolean;
  /** The first of each kind. */
  readonly discrepancies: readonly Discrepancy[];
  /** How many statements of each kind were compared with what was recomputed, or checked. */
  readonly checked: ReadonlyMap<Kind, number>;
  /** Bounds of errors that were recomputed, for people: five digits. */
  readonly bounds: readonly RecomputedBound[];
  /** What was taken as it is stated, because it cannot be recomputed without data. */
  readonly taken: readonly string[];
}

export interface RecomputedBound {
  readonly reference: string;
  readonly quantity: string;
  readonly inf: string;
  readonly two: string;
}

/** Collects what is found. */
export class Findings {
  readonly #first = new Map<Kind, Discrepancy>();
  readonly #checked = new Map<Kind, number>();
  readonly #taken = new Set<string>();
  readonly #bounds: RecomputedBound[] = [];

  /** One statement: whether it is right, and if not, why. */
  check(kind: Kind, at: string, right: boolean, reason: () => string): void {
    this.#checked.set(kind, (this.#checked.get(kind) ?? 0) + 1);
    if (!right && !this.#first.has(kind)) this.#first.set(kind, { kind, at, reason: reason() });
  }

  bound(bound: RecomputedBound): void {
    this.#bounds.push(bound);
  }

  taken(what: string): void {
    this.#taken.add(what);
  }

  /** That two sets of names are the same. */
  sameNames(
    kind: Kind,
    at: string,
    stated: Iterable<string>,
    expected: Iterable<string>,
    what: string,
  ): void {
    const [given, wanted] = [new Set(stated), new Set(expected)];
    for (const name of given)
      this.check(kind, member(at, name), wanted.has(name), () => `the spec has no ${what} of this name`);
    for (const name of wanted)
      if (!given.has(name)) this.check(kind, member(at, name), false, () => `this ${what} is missing`);
  }

  verdict(): Verdict {
    return {
      holds: this.#first.size === 0,
      discrepancies: [...this.#first.values()],
      checked: this.#checked,
      bounds: this.#bounds,
      taken: [...this.#taken],
    };
  }
}

/** The JSON pointer of a member. */
export function member(at: string, name: string | number): string {
  return `${at}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
