import { sizeOf } from '../ir/graph.ts';
import { uniforms } from '../numeric/random.ts';
import type { Initializer, StateTensor } from './program.ts';

/**
 * The values of a tensor before the first step, row-major: a function of (seed, tensor name, index), whoever asks. What is
 * analysed before training are therefore the bits that training starts from.
 */
export function initialValues(
  { name, shape, initializer }: Pick<StateTensor, 'name' | 'shape' | 'initializer'>,
  seed: number,
): Float32Array {
  const size = sizeOf(shape);
  if (initializer.kind === 'constant') return new Float32Array(size).fill(initializer.value);
  const values = uniforms(seed, name, 0, size);
  for (let i = 0; i < size; i++) values[i] = uniformAt(values[i] ?? 0, initializer.bound);
  return values;
}

/**
 * The least and the greatest value that the initializer can give under any seed, for tensors too large to be made. Both are
 * f32 numbers, and both can occur.
 */
export function initialRange(initializer: Initializer): { readonly low: number; readonly high: number } {
  if (initializer.kind === 'constant') {
    const value = Math.fround(initializer.value);
    return { low: value, high: value };
  }
  // Rounding to f32 is monotonic, so the extremes come from the extremes of the uniform numbers.
  const at = (u: number) => Math.fround(uniformAt(u, initializer.bound));
  return { low: at(0), high: at(1 - 2 ** -24) };
}

/** u uniform in [0, 1) → uniform in [−bound, bound), rounded to f32 where it is stored. */
function uniformAt(u: number, bound: number): number {
  return (2 * u - 1) * bound;
}
