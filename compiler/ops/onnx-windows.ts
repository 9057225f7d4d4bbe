import type { OnnxContext } from '../ir/onnx-context.ts';
import type { OpName, PoolWindow } from '../ir/op-attributes.ts';
import type { Size } from './window.ts';

type Nodes = Pick<OnnxContext<OpName>, 'op' | 'constant'>;

/** Windows on an image, with the number of windows along height and width. */
export interface WindowGrid extends PoolWindow {
  readonly input: Size;
  readonly output: Size;
}

/** For each position in a window, row-major, the image `[N, C, P, Q]` of the elements that stand there. */
export function windowSlices(nodes: Nodes, x: string, grid: WindowGrid, padding: number): readonly string[] {
  const { op, constant } = nodes;
  const { kernel, strides, pads, output } = grid;
  const padded = pads.some((pad) => pad > 0) ? padImage(nodes, x, pads, padding) : x;
  const [axes, steps] = [constant('int64', [2, 3]), constant('int64', strides)];
  return positionsOf(kernel).map(([i, j]) => {
    const ends = [i + (output[0] - 1) * strides[0] + 1, j + (output[1] - 1) * strides[1] + 1];
    return op('Slice', [padded, constant('int64', [i, j]), constant('int64', ends), axes, steps]);
  });
}

/**
 * The adjoint of {@link windowSlices} without padding: the image `[N, C, H, W]` to which each part is added where its elements were
 * read. Positions that are a stride apart fall on the same elements of the image, one window later; such a phase of the
 * image is summed first, and the phases are then interleaved, so that windows without overlap cost copies only.
 */
export function scatterWindows(nodes: Nodes, parts: readonly string[], grid: WindowGrid): string {
  const { kernel, strides, pads, input, output } = grid;
  const [overlapY, overlapX] = [
    Math.floor((kernel[0] - 1) / strides[0]),
    Math.floor((kernel[1] - 1) / strides[1]),
  ];
  const phases = new Map<string, string>();
  for (const [position, [i, j]] of positionsOf(kernel).entries()) {
    const [laterY, laterX] = [Math.floor(i / strides[0]), Math.floor(j / strides[1])];
    const part = padImage(
      nodes,
      parts[position] ?? '',
      [laterY, laterX, overlapY - laterY, overlapX - laterX],
      0,
    );
    const phase = `${i % strides[0]},${j % strides[1]}`;
    const known = phases.get(phase);
    phases.set(phase, known === undefined ? part : nodes.op('Add', [known, part]));
  }
  const rows = Array.from({ length: Math.min(kernel[0], strides[0]) }, (_, a) =>
    Array.from({ length: Math.min(kernel[1], strides[1]) }, (_, b) => phases.get(`${a},${b}`) ?? ''),
  );
  const spread: Size = [(output[0] + overlapY) * strides[0], (output[1] + overlapX) * strides[1]];
  return cutImage(nodes, interleave(nodes, rows, strides, spread), [pads[0], pads[1]], input, spread);
}

/** The image whose element `(y·strideY + a, x·strideX + b)` is element (y, x) of phase (a, b), and 0 where there is no such phase. */
function interleave(
  { op, constant }: Nodes,
  phases: readonly (readonly string[])[],
  strides: Size,
  spread: Size,
): string {
  if (strides[0] === 1 && strides[1] === 1) return phases[0]?.[0] ?? '';
  const along = (axis: number, images: readonly string[], stride: number): string => {
    const stacked = op('Concat', images, { axis });
    if (images.length === stride) return stacked;
    const after = [0, 0, 0, 0, 0].map((_, i) => (i === axis ? stride - images.length : 0));
    return op('Pad', [stacked, constant('int64', [0, 0, 0, 0, 0, ...after])]);
  };
  const last = constant('int64', [-1]);
  const rows = phases.map((row) => {
    const pixels = row.map((image) => op('Unsqueeze', [image, last]));
    return op('Reshape', [along(4, pixels, strides[1]), constant('int64', [0, 0, 0, 1, spread[1]])]);
  });
  return op('Reshape', [along(3, rows, strides[0]), constant('int64', [0, 0, ...spread])]);
}

/** Positions in a window, row-major. */
function positionsOf(kernel: Size): readonly Size[] {
  return Array.from({ length: kernel[0] * kernel[1] }, (_, t) => [Math.floor(t / kernel[1]), t % kernel[1]]);
}

/** Pads of `[N, C, H, W]`: top, left, bottom, right. */
function padImage(
  { op, constant }: Nodes,
  x: string,
  pads: readonly [number, number, number, number],
  value: number,
): string {
  const [top, left, bottom, right] = pads;
  if (pads.every((pad) => pad === 0)) return x;
  const sides = constant('int64', [0, 0, top, left, 0, 0, bottom, right]);
  return op('Pad', value === 0 ? [x, sides] : [x, sides, constant('float', value)]);
}

/** `size` of an image of size `whole` from `start` on, with zeros where the image ends before. */
function cutImage(nodes: Nodes, image: string, start: Size, size: Size, whole: Size): string {
  const [bottom, right] = [start[0] + size[0], start[1] + size[1]];
  const covering = padImage(
    nodes,
    image,
    [0, 0, Math.max(0, bottom - whole[0]), Math.max(0, right - whole[1])],
    0,
  );
  if (start[0] === 0 && start[1] === 0 && bottom >= whole[0] && right >= whole[1]) return covering;
  const bounds = [start, [bottom, right], [2, 3]].map((list) => nodes.constant('int64', list));
  return nodes.op('Slice', [covering, ...bounds]);
}
