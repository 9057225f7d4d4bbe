import { performance } from 'node:perf_hooks';
import { words } from '../compiler/numeric/random.ts';

/** Median milliseconds of `runs` calls after `warmup` others that are not counted. */
export async function medianMs(call: () => unknown, runs: number, warmup: number): Promise<number> {
  const times: number[] = [];
  for (let i = -warmup; i < runs; i++) {
    const start = performance.now();
    await call();
    if (i >= 0) times.push(performance.now() - start);
  }
  return summary(times).median;
}

/** Median and extremes of samples. */
export function summary(samples: readonly number[]): {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
} {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    least: sorted[0] ?? 0,
    greatest: sorted.at(-1) ?? 0,
  };
}

export function median(samples: readonly number[]): number {
  return quantile(
    samples.toSorted((a, b) => a - b),
    0.5,
  );
}

/** First and third quartile. */
export function quartiles(samples: readonly number[]): readonly [number, number] {
  const sorted = samples.toSorted((a, b) => a - b);
  return [quantile(sorted, 0.25), quantile(sorted, 0.75)];
}

/** Of ascending samples, interpolated linearly between two (Hyndman & Fan 1996, definition 7); 0 of none. */
function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (at - Math.floor(at)) * (above - below);
}

const RESAMPLES = 2000;

/**
 * A ratio of medians with its 95 % bootstrap interval (percentiles, Efron 1979). The rounds are drawn, whole and for both sides at once: times
 * of one block depend on each other, and a slow moment of the machine slows both sides.
 *
 * @param rounds samples of numerator and denominator, of each round
 */
export function ratioOfMedians(
  rounds: readonly (readonly [numerator: readonly number[], denominator: readonly number[]])[],
): { readonly ratio: number; readonly interval: readonly [number, number] } {
  const ratioOf = (drawn: typeof rounds): number =>
    median(drawn.flatMap(([numerator]) => numerator)) /
    median(drawn.flatMap(([, denominator]) => denominator));
  const draws = words(0, 'bootstrap', 0, RESAMPLES * rounds.length);
  const resampled = Array.from({ length: RESAMPLES }, (_, i) =>
    ratioOf(
      rounds.flatMap((_round, j) => {
        const drawn = draws[i * rounds.length + j] ?? 0;
        return rounds.slice(drawn % rounds.length, (drawn % rounds.length) + 1);
      }),
    ),
  ).sort((a, b) => a - b);
  return { ratio: ratioOf(rounds), interval: [quantile(resampled, 0.025), quantile(resampled, 0.975)] };
}
