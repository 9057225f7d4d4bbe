/**
 * Counter-based random numbers: every draw is a function of (seed, stream, index), so results depend neither on
 * scheduling nor on what was drawn before, and a resumed run draws what an undisturbed one would have drawn.
 * Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * This file is also emitted beside every tfjs program: it imports nothing.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** Upper 32 bits of a 32 × 32 bit product. */
function mulHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Four 32-bit words for the 128-bit counter (c0 … c3) under the 64-bit key (k0, k1), written to `out`. */
export function philox(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, c0 >>> 0);
    const low0 = Math.imul(M0, c0);
    const high1 = mulHigh(M1, c2 >>> 0);
    const low1 = Math.imul(M1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A 32-bit number for a stream's name (FNV-1a over its UTF-16 units). */
export function streamId(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The first `count` 32-bit words of (seed, stream, epoch). */
export function words(seed: number, stream: string, epoch: number, count: number): Uint32Array {
  const result = new Uint32Array(count);
  const block = new Uint32Array(4);
  const id = streamId(stream);
  for (let i = 0; i < count; i += 4) {
    philox(block, i >>> 2, 0, id, epoch, seed, Math.floor(seed / 0x100000000));
    for (let j = 0; j < 4 && i + j < count; j++) result[i + j] = block[j] ?? 0;
  }
  return result;
}

/** Uniform in [0, 1), each a multiple of 2⁻²⁴ and so exact in float32. */
export function uniforms(seed: number, stream: string, epoch: number, count: number): Float32Array {
  const bits = words(seed, stream, epoch, count);
  const result = new Float32Array(count);
  for (let i = 0; i < count; i++) result[i] = ((bits[i] ?? 0) >>> 8) * 2 ** -24;
  return result;
}

/** Standard normal, rounded to float32 (Box & Muller 1958); |value| < 5.9. */
export function normals(seed: number, stream: string, epoch: number, count: number): Float32Array {
  const even = count + (count & 1);
  const bits = words(seed, stream, epoch, even);
  const result = new Float32Array(count);
  for (let i = 0; i < even; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((((bits[i] ?? 0) >>> 8) + 1) * 2 ** -24));
    const angle = 2 * Math.PI * ((bits[i + 1] ?? 0) >>> 8) * 2 ** -24;
    result[i] = radius * Math.cos(angle);
    if (i + 1 < count) result[i + 1] = radius * Math.sin(angle);
  }
  return result;
}

/** A random permutation of 0 … count − 1 (Fisher & Yates, from the words of the stream). */
export function permutation(seed: number, stream: string, epoch: number, count: number): Uint32Array {
  const bits = words(seed, stream, epoch, count);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(((bits[i] ?? 0) / 0x100000000) * (i + 1));
    const swapped = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = swapped;
  }
  return order;
}

/** Steps for which one noise pool serves before it is drawn anew. */
export const POOL_STEPS = 1024;

/** Size of the noise pool for streams of at most `largest` values: room for as many distinct offsets again. */
export function poolSize(largest: number): number {
  return Math.max(2 ** 16, 2 * largest);
}

/** The pool that serves a step: noise of a stream is its slice at {@link poolOffset}. */
export function noisePool(
  distribution: 'uniform' | 'normal',
  seed: number,
  step: number,
  size: number,
): Float32Array {
  const epoch = Math.floor(step / POOL_STEPS);
  return distribution === 'uniform'
    ? uniforms(seed, 'noise.uniform', epoch, size)
    : normals(seed, 'noise.normal', epoch, size);
}

/** Where a stream's slice of `count` values starts in a pool of `size`, keyed by (seed, step, stream). */
export function poolOffset(seed: number, step: number, stream: string, count: number, size: number): number {
  const block = new Uint32Array(4);
  philox(block, step, 1, streamId(stream), 0, seed, Math.floor(seed / 0x100000000));
  return Math.floor(((block[0] ?? 0) / 0x100000000) * (size - count + 1));
}
