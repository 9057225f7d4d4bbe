import { sizeOf } from '../../../compiler/ir/graph.ts';
import type { TrainingProgram } from '../../../compiler/lower/program.ts';
import { normals, uniforms } from '../../../compiler/numeric/random.ts';
import type { HostTensor, Tensors } from '../engine.ts';

type Samples = Pick<TrainingProgram, 'batch' | 'sampleShape' | 'target'>;

/** Height and width of a flat patch. */
const PATCH = 4;

/**
 * A batch without data, a function of (seed, step). Images are bytes over 255: every other one of flat patches, half of them black, so
 * that pooling windows tie as they do in real images, the rest noise. Anything else is standard normal.
 */
export function syntheticBatch(program: Samples, seed: number, step: number): Tensors {
  const { batch, sampleShape, target } = program;
  const shape = [batch, ...sampleShape];
  const x = sampleShape.length === 3 ? images(shape, seed, step) : normals(seed, 'x', step, sizeOf(shape));
  return new Map<string, HostTensor>([
    ['x', { dtype: 'f32', shape, data: x }],
    target.kind === 'classes'
      ? ['labels', { dtype: 'i32', shape: [batch], data: classes(batch, target.count, seed, step) }]
      : [
          'targets',
          {
            dtype: 'f32',
            shape: [batch, target.count],
            data: normals(seed, 'targets', step, batch * target.count),
          },
        ],
  ]);
}

function classes(batch: number, count: number, seed: number, step: number): Int32Array {
  return Int32Array.from(uniforms(seed, 'labels', step, batch), (u) => Math.floor(u * count));
}

function images(shape: readonly number[], seed: number, step: number): Float32Array {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const noise = uniforms(seed, 'x', step, sizeOf(shape));
  const at = (plane: number, y: number, x: number) => (plane * height + y) * width + x;
  const pixels = new Float32Array(noise.length);
  for (let plane = 0; plane < batch * channels; plane++) {
    const flat = Math.floor(plane / channels) % 2 === 1;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const corner = at(plane, y - (y % PATCH), x - (x % PATCH));
        const u = flat ? Math.max(0, 2 * (noise[corner] ?? 0) - 1) : (noise[at(plane, y, x)] ?? 0);
        pixels[at(plane, y, x)] = Math.floor(u * 256) / 255;
      }
    }
  }
  return pixels;
}
