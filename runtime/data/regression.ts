import { normals } from '../../compiler/numeric/random.ts';
import type { Split } from './split.ts';

export interface RegressionOptions {
  readonly samples: number;
  readonly features: number;
  /** Standard deviation of what is added to the targets. */
  readonly noise: number;
  readonly seed: number;
}

/**
 * Linear regression: features and true weights standard normal, target `y = x·w + noise·n` with n standard normal. The
 * test set has as many samples, drawn independently under the same weights.
 */
export function regression(options: RegressionOptions): { readonly train: Split; readonly test: Split } {
  const weights = normals(options.seed, 'regression.weights', 0, options.features);
  return { train: draw(options, weights, 'train'), test: draw(options, weights, 'test') };
}

function draw(options: RegressionOptions, weights: Float32Array, part: 'train' | 'test'): Split {
  const { samples, features, noise, seed } = options;
  const x = normals(seed, `regression.${part}.x`, 0, samples * features);
  const targets = normals(seed, `regression.${part}.noise`, 0, samples);
  for (let i = 0; i < samples; i++) {
    let y = noise * (targets[i] ?? 0);
    for (let j = 0; j < features; j++) y += (x[i * features + j] ?? 0) * (weights[j] ?? 0);
    targets[i] = y;
  }
  return { count: samples, x, targets };
}
