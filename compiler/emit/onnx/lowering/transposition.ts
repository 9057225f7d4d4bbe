import type { Lowering } from './lowering.ts';

/** Bytes of a row of the result that two threads may share half and half without meeting in a cache line of 64. */
const APART = 128;
/** Below this size a second transposition costs more than threads that meet. */
const LEAST = 1 << 16;

/**
 * Bytes `[A, B]` as `[B, A]`. Onnxruntime's threads divide A among themselves. Where a row of the result is shorter than two cache lines they
 * write into the same ones in step, which takes several times as long as one thread. So B is split, `[A·s, B/s]` becomes `[B/s, A·s]`, whose
 * rows are long, and that as `[B/s·A, s]` becomes `[s, B/s·A]`, whose rows are longer: the same bytes in two transpositions.
 */
export function transposedBytes(
  lowering: Lowering,
  bytes: string,
  [rows, columns]: readonly [number, number],
): string {
  const turned = (x: string, shape: readonly [number, number]): string =>
    lowering.op('Transpose', [lowering.reshape(x, shape)], { perm: [1, 0] });
  // At least 8 columns, which onnxruntime moves at a time.
  const split = [32, 16, 8].find((s) => columns % s === 0 && rows * s >= APART);
  const meets = rows > 1 && rows < APART && rows * columns >= LEAST;
  if (split === undefined || !meets || !lowering.uses('threadsApart')) return turned(bytes, [rows, columns]);
  const short = columns / split;
  return lowering.reshape(turned(turned(bytes, [rows * split, short]), [short * rows, split]), [
    columns,
    rows,
  ]);
}
