import { sizeOf } from '../../compiler/ir/graph.ts';
import { differences } from './codes.ts';
import { boundAt } from './interpreter/operators.ts';
import { UNIT, type Value } from './interpreter/value.ts';
import type { CodeDifference, Comparison } from './report.ts';
import type { Evaluated, Interpreted, ReferenceBatch } from './subject.ts';

/** Adds up how one subject compares with the reference over all batches. */
export class Tally {
  readonly #name: string;
  #codes = 0;
  #logits = 0;
  #logitDifferences = 0;
  #largest = 0;
  #predictions = 0;
  readonly #differing: Record<string, number> = {};
  #given = false;
  #layerwise: CodeDifference[] | undefined;
  #beyond = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Counts what differs, end to end or, where `given`, on the reference's codes; true where nothing does. */
  count(reference: ReferenceBatch, found: Evaluated, valid: number, given: boolean): boolean {
    this.#given = given;
    let same = true;
    for (const [site, codes] of found.sites) {
      const expected = reference.sites.get(site) ?? new Int32Array();
      const length = (codes.length / rows(reference)) * valid;
      const count = differences(expected, codes, length).length;
      this.#codes += length;
      this.#differing[site] = (this.#differing[site] ?? 0) + count;
      if (count > 0) same = false;
    }
    const width = found.logits.length / rows(reference);
    for (let row = 0; row < valid; row++) {
      const [a, b] = [reference.logits, found.logits].map((l) => l.subarray(row * width, (row + 1) * width));
      if (!a || !b) continue;
      if (largestIndex(a) !== largestIndex(b)) this.#predictions++;
      for (let i = 0; i < width; i++) {
        const difference = Math.abs((a[i] ?? 0) - (b[i] ?? 0));
        this.#logits++;
        if (difference > 0) {
          this.#logitDifferences++;
          same = false;
        }
        this.#largest = Math.max(this.#largest, difference);
      }
    }
    return same;
  }

  /** Lists the codes that differ on the same incoming codes, each with its distance from a tie. */
  layerwise(
    reference: ReferenceBatch,
    found: Evaluated,
    interpreted: Interpreted,
    valid: number,
    first: number,
  ): void {
    this.#layerwise ??= [];
    for (const [site, codes] of found.sites) {
      const expected = reference.sites.get(site) ?? new Int32Array();
      const value = interpreted.exactSites.get(site);
      if (!value) throw new Error(`the interpreter has no '${site}'`);
      const perSample = codes.length / rows(reference);
      for (const index of differences(expected, codes, perSample * valid)) {
        const { distance, bound } = tieDistance(value, index, expected[index] ?? 0, codes[index] ?? 0);
        this.#layerwise.push({
          site,
          sample: first + Math.floor(index / perSample),
          element: index % perSample,
          reference: expected[index] ?? 0,
          found: codes[index] ?? 0,
          distance,
          bound,
        });
      }
    }
    const { exactLogits } = interpreted;
    const width = sizeOf(exactLogits.shape.slice(1));
    for (let i = 0; i < valid * width; i++) {
      // Both float32 evaluations may be off by the bound, in opposite directions.
      const allowed = 2 * boundAt(exactLogits, i);
      if (Math.abs((reference.logits[i] ?? 0) - (found.logits[i] ?? 0)) > allowed) this.#beyond++;
    }
  }

  /** Logits that differ by more than float32 summation accounts for, on the same incoming codes. */
  get logitsBeyondBound(): number {
    return this.#beyond;
  }

  result(): Comparison {
    return {
      name: this.#name,
      given: this.#given,
      codes: this.#codes,
      logits: this.#logits,
      differing: this.#differing,
      logitDifferences: this.#logitDifferences,
      largestLogitDifference: this.#largest,
      predictions: this.#predictions,
      layerwise: this.#layerwise,
    };
  }
}

/**
 * How far the exact value of an element lies from the tie between two neighbouring codes, and how far float32 sums of the
 * same codes may lie from that value, both in steps. Codes further apart than one are never a matter of a tie.
 */
export function tieDistance(
  value: Value,
  index: number,
  a: number,
  b: number,
): { readonly distance: number; readonly bound: number } {
  const step = value.codes?.scale[0] ?? 1;
  const exactCode = (value.data[index] ?? 0) / step;
  const tie = (a + b) / 2;
  // The sum, its conversion to float32 and the division are each rounded.
  const rounding = 3 * UNIT * Math.abs(exactCode);
  const sums = boundAt(value, index);
  return {
    distance: Math.abs(a - b) === 1 ? Math.abs(exactCode - tie) : Number.POSITIVE_INFINITY,
    bound: sums === 0 ? 0 : sums / step + rounding,
  };
}

function rows(reference: ReferenceBatch): number {
  return reference.x.shape[0] ?? 1;
}

function largestIndex(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}
