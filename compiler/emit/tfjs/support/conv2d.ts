import * as tf from '@tensorflow/tfjs-core';

/**
 * Convolution of images `[N, C, H, W]` with kernels `[O, C, kH, kW]` and its two gradients. The kernels of tfjs run on the CPU with
 * channels last only and know no asymmetric padding, so tensors are transposed and padded here.
 */

type Size = [height: number, width: number];
type Pads = [top: number, left: number, bottom: number, right: number];

export function conv2d(x: tf.Tensor, w: tf.Tensor, strides: Size, pads: Pads): tf.Tensor {
  return tf.tidy(() =>
    channelsFirst(tf.conv2d(paddedChannelsLast(x, pads), kernelsLast(w), strides, 'valid')),
  );
}

/** The adjoint of {@link conv2d} in x, for x of the given height and width. */
export function conv2dInputGrad(
  delta: tf.Tensor,
  w: tf.Tensor,
  strides: Size,
  pads: Pads,
  inputSize: Size,
): tf.Tensor {
  const [top, left, bottom, right] = pads;
  const [height, width] = inputSize;
  return tf.tidy(() => {
    const [batch, channels] = [delta.shape[0] ?? 0, w.shape[1] ?? 0];
    const padded: [number, number, number, number] = [
      batch,
      height + top + bottom,
      width + left + right,
      channels,
    ];
    const gradient = tf.conv2dTranspose(channelsLast(delta), kernelsLast(w), padded, strides, 'valid');
    return channelsFirst(tf.slice(gradient, [0, top, left, 0], [batch, height, width, channels]));
  });
}

/**
 * The adjoint of {@link conv2d} in w, for w of the given height and width: a convolution of x by δ, in which samples take the part
 * of channels and strides that of dilations. tfjs's own filter gradient is 30 times slower on the CPU.
 */
export function conv2dWeightGrad(
  x: tf.Tensor,
  delta: tf.Tensor,
  strides: Size,
  pads: Pads,
  kernel: Size,
): tf.Tensor {
  const [top, left, bottom, right] = pads;
  const [filters, channels] = [delta.shape[1] ?? 0, x.shape[1] ?? 0];
  return tf.tidy(() => {
    const images = tf.pad(tf.transpose(x as tf.Tensor4D, [1, 2, 3, 0]), [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const kernels = tf.transpose(delta as tf.Tensor4D, [2, 3, 0, 1]);
    const gradient = tf.conv2d(images, kernels, 1, 'valid', 'NHWC', strides);
    // Where the stride leaves rows or columns over, the convolution has more places than the kernel has elements.
    const wanted = tf.slice(gradient, [0, 0, 0, 0], [channels, ...kernel, filters]);
    return tf.transpose(wanted, [3, 0, 1, 2]);
  });
}

function channelsLast(x: tf.Tensor): tf.Tensor4D {
  return tf.transpose(x as tf.Tensor4D, [0, 2, 3, 1]);
}

function channelsFirst(x: tf.Tensor4D): tf.Tensor4D {
  return tf.transpose(x, [0, 3, 1, 2]);
}

function kernelsLast(w: tf.Tensor): tf.Tensor4D {
  return tf.transpose(w as tf.Tensor4D, [2, 3, 1, 0]);
}

function paddedChannelsLast(x: tf.Tensor, [top, left, bottom, right]: Pads): tf.Tensor4D {
  return tf.pad(channelsLast(x), [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
}
