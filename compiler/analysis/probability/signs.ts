import { words } from '../../numeric/random.ts';

/** `count` independent signs ±1 (Rademacher) of (seed, stream, pass). */
export function signs(seed: number, stream: string, pass: number, count: number): Float32Array {
  const bits = words(seed, `signs ${stream}`, pass, Math.ceil(count / 32));
  const result = new Float32Array(count);
  for (let i = 0; i < count; i++) result[i] = (((bits[i >>> 5] ?? 0) >>> (i & 31)) & 1) * 2 - 1;
  return result;
}
