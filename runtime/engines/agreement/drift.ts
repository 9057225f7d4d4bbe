import type { Tensors } from '../engine.ts';

/** How far two results of one step lie apart in one tensor, in the ∞-norm. */
export interface Distance {
  readonly absolute: number;
  /** Divided by the largest magnitude of the second result; 0 where both are 0. */
  readonly relative: number;
}

export interface DriftFigures {
  readonly median: Distance;
  readonly largest: Distance;
}

/** Whole-step drift by pair of engines (`tfjs − onnx`), by output tensor. */
export type DriftTable = ReadonlyMap<string, ReadonlyMap<string, DriftFigures>>;

/**
 * Distances of whole steps that started from the same state. Nothing is proved about them: one code that falls on the other side of a
 * tie moves every later one.
 */
export class Drift {
  readonly #distances = new Map<string, Map<string, Distance[]>>();

  add(pair: string, a: Tensors, b: Tensors): void {
    const tensors = this.#distances.get(pair) ?? new Map<string, Distance[]>();
    this.#distances.set(pair, tensors);
    for (const [name, tensor] of a) {
      const distances = tensors.get(name) ?? [];
      tensors.set(name, distances);
      distances.push(distanceOf(tensor.data, b.get(name)?.data ?? []));
    }
  }

  get table(): DriftTable {
    const figures = (distances: readonly Distance[]): DriftFigures => {
      const of = (pick: (sorted: readonly number[]) => number): Distance => ({
        absolute: pick(sortedBy(distances, (d) => d.absolute)),
        relative: pick(sortedBy(distances, (d) => d.relative)),
      });
      return { median: of(medianOf), largest: of((sorted) => sorted.at(-1) ?? 0) };
    };
    return new Map(
      [...this.#distances].map(([pair, tensors]) => [
        pair,
        new Map([...tensors].map(([name, distances]) => [name, figures(distances)])),
      ]),
    );
  }
}

function distanceOf(a: ArrayLike<number>, b: ArrayLike<number>): Distance {
  let absolute = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    absolute = Math.max(absolute, Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)));
    size = Math.max(size, Math.abs(b[i] ?? Number.NaN));
  }
  return { absolute, relative: absolute === 0 ? 0 : absolute / size };
}

function sortedBy<T>(items: readonly T[], key: (item: T) => number): readonly number[] {
  return items.map(key).sort((a, b) => a - b);
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
