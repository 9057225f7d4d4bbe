/** A grey image, row-major; 0 is background and 1 is ink. */
export interface Canvas {
  readonly size: number;
  readonly pixels: Float32Array;
}

/**
 * Draws a segment with round ends, in pixels from the upper left corner. Coverage falls linearly from 1 to 0 over the pixel that
 * the edge crosses; where segments meet the larger coverage stands.
 */
export function drawSegment(
  canvas: Canvas,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  halfWidth: number,
): void {
  const { size, pixels } = canvas;
  const reach = halfWidth + 0.5;
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
  const right = Math.min(size - 1, Math.floor(Math.max(x0, x1) + reach));
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
  const bottom = Math.min(size - 1, Math.floor(Math.max(y0, y1) + reach));
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squared = Math.max(dx * dx + dy * dy, 1e-12);
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x0;
      const py = row + 0.5 - y0;
      const along = Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
      const ex = px - along * dx;
      const ey = py - along * dy;
      const coverage = Math.min(1, reach - Math.sqrt(ex * ex + ey * ey));
      const pixel = row * size + column;
      if (coverage > (pixels[pixel] ?? 0)) pixels[pixel] = coverage;
    }
  }
}

/** Smooths with the kernel (weight, 1 − 2·weight, weight) along rows, then along columns; outside is background. */
export function blur(canvas: Canvas, weight: number): void {
  smooth(canvas, weight, 1, canvas.size);
  smooth(canvas, weight, canvas.size, 1);
}

/** One pass over lines whose neighbouring pixels lie `step` apart and that start `stride` apart. */
function smooth({ size, pixels }: Canvas, weight: number, step: number, stride: number): void {
  for (let line = 0; line < size; line++) {
    let before = 0;
    for (let i = 0; i < size; i++) {
      const at = line * stride + i * step;
      const here = pixels[at] ?? 0;
      const after = i + 1 < size ? (pixels[at + step] ?? 0) : 0;
      pixels[at] = weight * (before + after) + (1 - 2 * weight) * here;
      before = here;
    }
  }
}
