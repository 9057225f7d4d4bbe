/**
 * Batch innermost: the first axis of a tensor moved to the end, `[N, C, H, W]` → `[C, H, W, N]`. A convolution is then one over a single
 * image `[1, C, H, W·N]` in which neighbours in width lie N apart, and slices, phases and masks are copies of long runs.
 */
export function innermost(shape: readonly number[]): readonly number[] {
  const [batch, ...rest] = shape;
  return batch === undefined ? shape : [...rest, batch];
}

/** Where an axis of a tensor of `rank` axes lies once the first is last. */
export function innermostAxis(axis: number, rank: number): number {
  return (axis + rank - 1) % rank;
}

/** The permutations that move the first axis to the end, and back. */
export function toInnermost(rank: number): readonly number[] {
  return Array.from({ length: rank }, (_, i) => (i + 1) % rank);
}

export function fromInnermost(rank: number): readonly number[] {
  return Array.from({ length: rank }, (_, i) => (i + rank - 1) % rank);
}

/** A shape with leading axes of size 1 up to `rank`. */
export function padded(shape: readonly number[], rank: number): readonly number[] {
  return [...new Array<number>(Math.max(0, rank - shape.length)).fill(1), ...shape];
}
