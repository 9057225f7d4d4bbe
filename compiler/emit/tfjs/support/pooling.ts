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

/** Sizes of an image cut into tiles of the strides: the element (p·strideY + i, q·strideX + j) stands in tile (p, q) at (i, j). */
interface Tiling {
  readonly planes: number;
  /** Number of windows. */
  readonly windows: Size;
  /** Number of tiles: as many as there are windows, and those into which the last window reaches. */
  readonly tiles: Size;
  /** What is added to the image at the bottom and on the right; less than 0 where elements are cut off. */
  readonly end: Size;
}

function tilingOf(
  [batch = 0, channels = 0, ...image]: number[],
  kernel: Size,
  strides: Size,
  pads: Pads,
): Tiling {
  const along = (axis: 0 | 1) => {
    const [size, window, stride, before, after] = [
      image[axis] ?? 0,
      kernel[axis],
      strides[axis],
      pads[axis],
      pads[axis + 2] ?? 0,
    ];
    const windows = Math.floor((size + before + after - window) / stride) + 1;
    const tiles = windows + Math.floor((window - 1) / stride);
    return { windows, tiles, end: tiles * stride - before - size };
  };
  const [y, x] = [along(0), along(1)];
  return {
    planes: batch * channels,
    windows: [y.windows, x.windows],
    tiles: [y.tiles, x.tiles],
    end: [y.end, x.end],
  };
}

/** For each position in a window, row-major, the image of the elements that stand there. */
function windowElements(x: tf.Tensor, padding: number, kernel: Size, strides: Size, pads: Pads): tf.Tensor[] {
  const { planes, windows, tiles, end } = tilingOf(x.shape, kernel, strides, pads);
  const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
  const kept = tf.slice(
    x,
    [0, 0, 0, 0],
    [batch, channels, height + Math.min(0, end[0]), width + Math.min(0, end[1])],
  );
  const padded = tf.pad(
    kept,
    [
      [0, 0],
      [0, 0],
      [pads[0], Math.max(0, end[0])],
      [pads[1], Math.max(0, end[1])],
    ],
    padding,
  );
  const tiled = tf.reshape(padded, [planes, tiles[0], strides[0], tiles[1], strides[1]]);
  const byPlace = tf.transpose(tiled, [2, 4, 0, 1, 3]);
  return positions(kernel, strides).map(({ place, tile }) => {
    const elements = tf.slice(byPlace, [...place, 0, ...tile], [1, 1, planes, ...windows]);
    return tf.reshape(elements, [batch, channels, ...windows]);
  });
}

/** The adjoint of {@link windowElements}: adds each part to the elements of an image that it was read from. */
function addToWindows(
  parts: tf.Tensor[],
  kernel: Size,
  strides: Size,
  pads: Pads,
  inputSize: Size,
): tf.Tensor {
  const [batch = 0, channels = 0] = parts[0]?.shape ?? [];
  const { planes, windows, tiles, end } = tilingOf([batch, channels, ...inputSize], kernel, strides, pads);
  const places = Array.from({ length: strides[0] * strides[1] }, () => tf.zeros([planes, ...tiles]));
  positions(kernel, strides).forEach(({ place, tile }, position) => {
    const part = tf.reshape(parts[position] ?? tf.scalar(0), [planes, ...windows]);
    const ends = [tiles[0] - windows[0] - tile[0], tiles[1] - windows[1] - tile[1]] as const;
    const moved = tf.pad(part, [
      [0, 0],
      [tile[0], ends[0]],
      [tile[1], ends[1]],
    ]);
    const at = place[0] * strides[1] + place[1];
    places[at] = tf.add(places[at] ?? 0, moved);
  });
  const byPlace = tf.reshape(tf.stack(places), [...strides, planes, ...tiles]);
  const tiled = tf.transpose(byPlace, [2, 3, 0, 4, 1]);
  const image = tf.reshape(tiled, [batch, channels, tiles[0] * strides[0], tiles[1] * strides[1]]);
  const covering = tf.pad(image, [
    [0, 0],
    [0, 0],
    [0, Math.max(0, -end[0])],
    [0, Math.max(0, -end[1])],
  ]);
  return tf.slice(covering, [0, 0, pads[0], pads[1]], [batch, channels, ...inputSize]);
}

/** Where the elements of a window stand: the place in a tile, and how many tiles further. */
function positions(kernel: Size, strides: Size): { place: Size; tile: Size }[] {
  return Array.from({ length: kernel[0] * kernel[1] }, (_, position) => {
    const [i, j] = [Math.floor(position / kernel[1]), position % kernel[1]];
    return {
      place: [i % strides[0], j % strides[1]],
      tile: [Math.floor(i / strides[0]), Math.floor(j / strides[1])],
    };
  });
}
