import * as tf from '@tensorflow/tfjs-core';

/**
 * Quantizers: x becomes a value of `scale · grid`. A scale is divided by, never multiplied as a reciprocal, and `tf.round` takes ties to
 * the even number, so that results equal those of ONNX's QuantizeLinear to the bit.
 */

/** A floating-point grid in units of the scale. */
interface FloatGrid {
  /** Bits of the significand after the leading one. */
  mantissa: number;
  minNormal: number;
  maxFinite: number;
  /** Whether what exceeds maxFinite becomes maxFinite; otherwise it becomes infinite. */
  saturates: boolean;
}

/** The scale, over `axes`, that maps the largest magnitude of x to `gridMax`; 1 for zeros, and never below float32's normal numbers. */
export function absmaxScale(x: tf.Tensor, axes: number[], gridMax: number): tf.Tensor {
  return tf.tidy(() => {
    const magnitude = tf.abs(x);
    const absmax = axes.length === 0 ? magnitude : tf.max(magnitude, axes, true);
    const scale = tf.maximum(tf.div(absmax, gridMax), 2 ** -126);
    return tf.where(tf.equal(absmax, 0), tf.onesLike(scale), scale);
  });
}

/** The power of two at or above {@link absmaxScale}. */
export function powerOfTwoScale(x: tf.Tensor, axes: number[], gridMax: number): tf.Tensor {
  return tf.tidy(() => {
    const scale = absmaxScale(x, axes, gridMax);
    const below = binade(scale);
    return tf.minimum(tf.where(tf.equal(below, scale), below, tf.mul(below, 2)), 2 ** 127);
  });
}

/** The nearest of the integers min … max times scale. */
export function quantizeInt(x: tf.Tensor, scale: tf.Tensor, min: number, max: number): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.clipByValue(tf.round(tf.div(x, scale)), min, max), scale));
}

/** One of the two neighbours of x, the upper one with probability equal to the fraction; `noise` is uniform in [0, 1). */
export function quantizeIntStochastic(
  x: tf.Tensor,
  scale: tf.Tensor,
  noise: tf.Tensor,
  min: number,
  max: number,
): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.clipByValue(tf.floor(tf.add(tf.div(x, scale), noise)), min, max), scale));
}

export function quantizeFloat(x: tf.Tensor, scale: tf.Tensor, grid: FloatGrid): tf.Tensor {
  return tf.tidy(() => onFloatGrid(x, scale, grid, (v) => tf.round(v)));
}

export function quantizeFloatStochastic(
  x: tf.Tensor,
  scale: tf.Tensor,
  noise: tf.Tensor,
  grid: FloatGrid,
): tf.Tensor {
  return tf.tidy(() => onFloatGrid(x, scale, grid, (v) => tf.floor(tf.add(v, noise))));
}

/** 1 where x rounds to one of min … max times `scale · unit`, else 0: what the straight-through estimator multiplies with. */
export function quantizeMask(
  x: tf.Tensor,
  scale: tf.Tensor,
  min: number,
  max: number,
  unit: number,
): tf.Tensor {
  return tf.tidy(() => {
    const q = tf.round(tf.div(tf.div(x, scale), unit));
    return tf.cast(tf.equal(tf.clipByValue(q, min, max), q), 'float32');
  });
}

/**
 * A binade of a floating-point grid holds `2^mantissa` numbers, and below the smallest normal one their distance stays. Their distance itself is
 * not computed: that of bfloat16 is no normal float32 near 0, and some backends take such numbers for 0.
 */
function onFloatGrid(
  x: tf.Tensor,
  scale: tf.Tensor,
  { mantissa, minNormal, maxFinite, saturates }: FloatGrid,
  round: (v: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const v = tf.div(x, scale);
  const unit = binade(tf.clipByValue(tf.abs(v), minNormal, maxFinite));
  const codes = round(tf.mul(tf.div(v, unit), 2 ** mantissa));
  const rounded = tf.mul(tf.mul(codes, 2 ** -mantissa), unit);
  const limited = saturates
    ? tf.clipByValue(rounded, -maxFinite, maxFinite)
    : tf.where(tf.greater(tf.abs(rounded), maxFinite), tf.mul(rounded, Infinity), rounded);
  return tf.mul(limited, scale);
}

/**
 * `2^⌊log₂ x⌋` of normal x > 0, exactly: adding and subtracting `2²³·x` rounds x to one significant bit, which is the power of two
 * below x or the one above. What exceeds 1 is scaled down first, so that nothing overflows.
 */
function binade(x: tf.Tensor): tf.Tensor {
  const unit = tf.where(tf.greater(x, 1), tf.scalar(2 ** 64), tf.scalar(1));
  const reduced = tf.div(x, unit);
  const shifted = tf.mul(reduced, 2 ** 23);
  const rounded = tf.sub(tf.add(reduced, shifted), shifted);
  return tf.mul(tf.where(tf.greater(rounded, reduced), tf.div(rounded, 2), rounded), unit);
}
