import type { Layer } from '../check/checked-spec.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { add, div, mean, mul, reshape, scale, shift, sqrt, sub } from '../ops/algebra.ts';

/** Axes over which a batch norm takes its moments: the batch and, for images, space. */
function momentAxes(rank: number): readonly number[] {
  return rank === 4 ? [0, 2, 3] : [0];
}

/** A per-channel vector `[C]` shaped so that it broadcasts to `[N, C, H, W]` or `[N, C]`. */
function perChannel(builder: Builder, vector: Value, rank: number): Value {
  const [channels = 1] = builder.shapeOf(vector);
  return rank === 4 ? reshape(builder, vector, [channels, 1, 1]) : vector;
}

interface Affine {
  readonly scale: Value;
  readonly shift: Value;
}

/** `x · scale + shift`, per channel. */
function applyAffine(builder: Builder, x: Value, affine: Affine): Value {
  const rank = builder.shapeOf(x).length;
  const scaled = mul(builder, x, perChannel(builder, affine.scale, rank));
  return add(builder, scaled, perChannel(builder, affine.shift, rank));
}

/** Batch norm with the batch's own moments, and the moments as `[C]`. The variance is the biased one. */
export function withBatchMoments(
  builder: Builder,
  x: Value,
  layer: Layer<'batchnorm'>,
  affine: Affine,
): { readonly value: Value; readonly mean: Value; readonly variance: Value } {
  const shape = builder.shapeOf(x);
  const axes = momentAxes(shape.length);
  const standard = builder.op('standardize', [x], { axes, epsilon: layer.options.epsilon });
  const value = applyAffine(builder, standard, affine);
  const variance = reshape(builder, builder.op('variance', [x], { axes }), [shape[1] ?? 1]);
  return { value, mean: mean(builder, x, axes), variance };
}

/** Batch norm with given moments `[C]`: what evaluation does. */
export function withRunningMoments(
  builder: Builder,
  x: Value,
  layer: Layer<'batchnorm'>,
  affine: Affine,
  moments: { readonly mean: Value; readonly variance: Value },
): Value {
  const rank = builder.shapeOf(x).length;
  const deviation = sqrt(builder, shift(builder, moments.variance, layer.options.epsilon));
  const centred = sub(builder, x, perChannel(builder, moments.mean, rank));
  return applyAffine(builder, centred, { ...affine, scale: div(builder, affine.scale, deviation) });
}

/** `old·momentum + new·(1 − momentum)` */
export function movingAverage(builder: Builder, old: Value, current: Value, momentum: number): Value {
  return add(builder, scale(builder, old, momentum), scale(builder, current, 1 - momentum));
}
