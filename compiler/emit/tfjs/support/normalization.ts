import * as tf from '@tensorflow/tfjs-core';

/** Biased variance over the axes, which are kept as 1. */
export function variance(x: tf.Tensor, axes: number[]): tf.Tensor {
  return tf.moments(x, axes, true).variance;
}

/** `(x − mean) / √(variance + ε)` with the moments of x itself over the axes. */
export function standardize(x: tf.Tensor, axes: number[], epsilon: number): tf.Tensor {
  const { mean, variance } = tf.moments(x, axes, true);
  return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon)));
}
