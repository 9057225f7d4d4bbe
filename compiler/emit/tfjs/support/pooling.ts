import * as tf from '@tensorflow/tfjs-core';

/**
 * Pooling of images `[N, C, H, W]` and its gradients. The gradient of a maximum goes to the first winner of each window, row-major,
 * which tfjs's own kernels do not promise.
 */

type Size = [height: number, width: number];
type Pads = [top: number, left: number, bottom: number, right: number];

/** The sum of each window; padding counts as 0. */
export function sumPool(x: tf.Tensor, kernel: Size, strides: Size, pads: Pads): tf.Tensor {
  return tf.tidy(() => windowElements(x, 0, kernel, strides, pads).reduce((a, b) => tf.add(a, b)));
}

/** The adjoint of {@link sumPool} for images of the given height and width. */
export function sumPoolGrad(
  delta: tf.Tensor,
  kernel: Size,
  strides: Size,
  pads: Pads,
  inputSize: Size,
): tf.Tensor {
  return tf.tidy(() => {
    const everywhere = new Array<tf.Tensor>(kernel[0] * kernel[1]).fill(delta);
    return addToWindows(everywhere, kernel, strides, pads, inputSize);
  });
}

/** The maximum of each window; padding never wins. */
export function maxPool(x: tf.Tensor, kernel: Size, strides: Size, pads: Pads): tf.Tensor {
  return tf.tidy(() => maximumOf(windowElements(x, -Infinity, kernel, strides, pads)));
}

/** Adds each element of δ to the first winner of its window of x. */
export function maxPoolRoute(
  x: tf.Tensor,
  delta: tf.Tensor,
  kernel: Size,
  strides: Size,
  pads: Pads,
): tf.Tensor {
  return tf.tidy(() => {
    const elements = windowElements(x, -Infinity, kernel, strides, pads);
    const maximum = maximumOf(elements);
    const zero = tf.zerosLike(delta);
    let left = delta;
    const parts = elements.map((element) => {
      const wins = tf.equal(element, maximum);
      const taken = tf.where(wins, left, zero);
      left = tf.where(wins, zero, left);
      return taken;
    });
    return addToWindows(parts, kernel, strides, pads, [x.shape[2] ?? 0, x.shape[3] ?? 0]);
  });
}

/** What stands in u where the first winner of each window of x stands. */
export function maxPoolPick(x: tf.Tensor, u: tf.Tensor, kernel: Size, strides: Size, pads: Pads): tf.Tensor {
  return tf.tidy(() => {
    const elements = windowElements(x, -Infinity, kernel, strides, pads);
    const maximum = maximumOf(elements);
    return windowElements(u, 0, kernel, strides, pads).reduceRight((picked, candidate, position) =>
      tf.where(tf.equal(elements[position] ?? maximum, maximum), candidate, picked),
    );
  });
}

function maximumOf(elements: readonly tf.Tensor[]): tf.Tensor {
  return elements.reduce((a, b) => tf.maximum(a, b));
}

/** For each position in a window, row-major, the image of the elements that stand there. */
function windowElements(x: tf.Tensor, padding: number, kernel: Size, strides: Size, pads: Pads): tf.Tensor[] {
  const [top, left, bottom, right] = pads;
  const padded = tf.pad(
    x,
    [
      [0, 0],
      [0, 0],
      [top, bottom],
      [left, right],
    ],
    padding,
  );
  const [batch = 0, channels = 0, height = 0, width = 0] = padded.shape;
  const lastRow = height - kernel[0] - ((height - kernel[0]) % strides[0]);
  const lastColumn = width - kernel[1] - ((width - kernel[1]) % strides[1]);
  const elements: tf.Tensor[] = [];
  for (let i = 0; i < kernel[0]; i++) {
    for (let j = 0; j < kernel[1]; j++) {
      const end = [batch, channels, i + lastRow + 1, j + lastColumn + 1];
      elements.push(tf.stridedSlice(padded, [0, 0, i, j], end, [1, 1, ...strides]));
    }
  }
  return elements;
}

/** The adjoint of {@link windowElements}: spreads each part to the stride, shifts it to its position and adds them all. */
function addToWindows(
  parts: tf.Tensor[],
  kernel: Size,
  strides: Size,
  pads: Pads,
  inputSize: Size,
): tf.Tensor {
  const [top, left, bottom, right] = pads;
  const [height, width] = [inputSize[0] + top + bottom, inputSize[1] + left + right];
  const images = parts.map((part, position) => {
    const [batch = 0, channels = 0, rows = 0, columns = 0] = part.shape;
    const [i, j] = [Math.floor(position / kernel[1]), position % kernel[1]];
    const apart = tf.pad(tf.reshape(part, [batch * channels, rows, 1, columns, 1]), [
      [0, 0],
      [0, 0],
      [0, strides[0] - 1],
      [0, 0],
      [0, strides[1] - 1],
    ]);
    const [spreadHeight, spreadWidth] = [(rows - 1) * strides[0] + 1, (columns - 1) * strides[1] + 1];
    const spread = tf.reshape(apart, [batch, channels, rows * strides[0], columns * strides[1]]);
    const ending = tf.slice(spread, [0, 0, 0, 0], [batch, channels, spreadHeight, spreadWidth]);
    return tf.pad(ending, [
      [0, 0],
      [0, 0],
      [i, height - i - spreadHeight],
      [j, width - j - spreadWidth],
    ]);
  });
  const [batch = 0, channels = 0] = parts[0]?.shape ?? [];
  return tf.slice(tf.addN(images), [0, 0, top, left], [batch, channels, ...inputSize]);
}
