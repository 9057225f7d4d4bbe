import type { Augmentation } from '../../compiler/check/checked-spec.ts';
import { philox, streamId } from '../../compiler/numeric/random.ts';
import { dataError } from '../storage/data-error.ts';

const STREAM = streamId('augment');

/**
 * Checks that every augmentation keeps the shape of a sample, so that training and evaluation read the same shape.
 * @throws DataError where one does not, or where samples are not images
 */
export function validateAugmentation(augment: readonly Augmentation[], sampleShape: readonly number[]): void {
  for (const step of augment) {
    const [, height, width] = sampleShape;
    if (sampleShape.length !== 3 || height === undefined || width === undefined) {
      throw dataError('QS7012', {
        augmentation: step.kind,
        reason: `samples of shape [${sampleShape.join(', ')}] are not images`,
      });
    }
    if (step.kind === 'crop' && (step.size !== height || step.size !== width)) {
      const reason = `it gives ${step.size} × ${step.size} images of ${height} × ${width} ones`;
      throw dataError('QS7012', { augmentation: 'crop', reason }, `write crop(${height}, pad: ${step.pad})`);
    }
  }
}

/**
 * Applies the augmentations, in order, to one image `[channels, height, width]` in place. What is drawn depends on
 * (seed, epoch, sample) and the place in the list alone, so a resumed run draws the same.
 */
export function augmentSample(
  image: Float32Array,
  sampleShape: readonly number[],
  augment: readonly Augmentation[],
  key: { readonly seed: number; readonly epoch: number; readonly sample: number },
): void {
  const [channels = 0, height = 0, width = 0] = sampleShape;
  const words = new Uint32Array(4);
  augment.forEach((step, place) => {
    philox(words, key.sample, key.epoch, STREAM, place, key.seed, Math.floor(key.seed / 0x100000000));
    const below = (bound: number, lane: number) => Math.floor(((words[lane] ?? 0) / 0x100000000) * bound);
    if (step.kind === 'crop') {
      const down = below(2 * step.pad + 1, 0) - step.pad;
      const right = below(2 * step.pad + 1, 1) - step.pad;
      remap(image, [channels, height, width], (row, column) => [row + down, column + right]);
    } else if (below(2, 0) === 1) {
      remap(image, [channels, height, width], (row, column) => [row, width - 1 - column]);
    }
  });
}

/** Replaces each pixel by the one that `from` points at; outside the image is 0. */
function remap(
  image: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  from: (row: number, column: number) => readonly [number, number],
): void {
  const source = image.slice();
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [sourceRow, sourceColumn] = from(row, column);
      const inside = sourceRow >= 0 && sourceRow < height && sourceColumn >= 0 && sourceColumn < width;
      for (let channel = 0; channel < channels; channel++) {
        const plane = channel * height * width;
        const value = inside ? source[plane + sourceRow * width + sourceColumn] : 0;
        image[plane + row * width + column] = value ?? 0;
      }
    }
  }
}
