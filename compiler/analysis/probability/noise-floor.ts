import { lookup } from '../../lower/lookup.ts';
import type { ProbeTensors, Quantity } from './contract.ts';
import { rounded } from './rounded.ts';
import { dot } from './statistics.ts';
import { gradientOf } from './study.ts';

/**
 * `√max(‖g‖², tr Σ/B)` of each parameter's gradient and of all: tr Σ/B is the variance of a minibatch gradient over the probe batches, and
 * `‖g‖² = ‖mean‖² − tr Σ/(B·n)` the unbiased estimate of the full gradient's square, for a mean of n batches still has 1/n of
 * their variance. Nothing with fewer than two batches.
 */
export function noiseFloors(gradients: readonly ProbeTensors[]): Readonly<Record<Quantity, number>> {
  const [first] = gradients;
  const n = gradients.length;
  if (!first || n < 2) return {};
  const squares = [...first.keys()].map((name) => {
    const vectors = gradients.map((g) => lookup(g, name).data);
    const mean = new Float64Array(vectors[0]?.length ?? 0);
    for (const vector of vectors)
      for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (vector[i] ?? 0) / n;
    const ofMean = dot(mean, mean);
    const variance = vectors.reduce((sum, v) => sum + dot(v, v) - ofMean, 0) / (n - 1);
    return { name, variance, square: ofMean - variance / n };
  });
  const total = squares.reduce(
    (sum, s) => ({ name: sum.name, variance: sum.variance + s.variance, square: sum.square + s.square }),
    { name: gradientOf('').slice(0, -1), variance: 0, square: 0 },
  );
  return Object.fromEntries(
    [total, ...squares].map(({ name, variance, square }) => [
      name,
      rounded(Math.sqrt(Math.max(variance, square, 0))),
    ]),
  );
}
