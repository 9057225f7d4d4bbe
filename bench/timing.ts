import { performance } from 'node:perf_hooks';

/** Median milliseconds of `runs` calls after `warmup` others that are not counted. */
export async function medianMs(call: () => unknown, runs: number, warmup: number): Promise<number> {
  const times: number[] = [];
  for (let i = -warmup; i < runs; i++) {
    const start = performance.now();
    await call();
    if (i >= 0) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const middle = times.length >> 1;
  return times.length % 2 === 1
    ? (times[middle] ?? 0)
    : ((times[middle - 1] ?? 0) + (times[middle] ?? 0)) / 2;
}
