import { performance } from 'node:perf_hooks';

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
  const at = (index: number): number => sorted[index] ?? 0;
  const middle = sorted.length >> 1;
  return {
    median: sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2,
    least: at(0),
    greatest: at(sorted.length - 1),
  };
}
