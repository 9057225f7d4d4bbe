import { philox, streamId } from '../../compiler/numeric/random.ts';
import { GLYPHS, type Glyph } from './glyph-strokes.ts';
import { blur, type Canvas, drawSegment } from './raster.ts';
import type { Split } from './split.ts';

/** Height and width of an image in pixels. */
const SIZE = 28;

export interface GlyphOptions {
  readonly samples: number;
  readonly testSamples: number;
  readonly seed: number;
}

/**
 * Handwriting-like digits, `[1, 28, 28]`: strokes under a random affine map and a smooth warp, of random width and
 * ink, with a stray stroke, blur and noise. Sample `i` of a part is a function of (seed, part, i) alone.
 */
export function glyphs(options: GlyphOptions): { readonly train: Split; readonly test: Split } {
  return {
    train: draw(options.samples, options.seed, 'glyphs.train'),
    test: draw(options.testSamples, options.seed, 'glyphs.test'),
  };
}

function draw(count: number, seed: number, stream: string): Split {
  const x = new Uint8Array(count * SIZE * SIZE);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const image = x.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE);
    labels[i] = drawSample(image, new Draws(seed, stream, i));
  }
  return { count, x, labels };
}

/** The random numbers of one sample, in the order in which they are asked for. */
class Draws {
  readonly #seed: number;
  readonly #stream: number;
  readonly #index: number;
  readonly #block = new Uint32Array(4);
  #next = 0;

  constructor(seed: number, stream: string, index: number) {
    this.#seed = seed;
    this.#stream = streamId(stream);
    this.#index = index;
  }

  word(): number {
    const lane = this.#next & 3;
    if (lane === 0) {
      const high = Math.floor(this.#seed / 0x100000000);
      philox(this.#block, this.#next >>> 2, this.#index, this.#stream, 0, this.#seed, high);
    }
    this.#next++;
    return this.#block[lane] ?? 0;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * (this.word() / 0x100000000);
  }

  /** Mean 0, variance 1: the sum of four uniform bytes, standardized (Irwin–Hall), which needs no logarithm. */
  noise(): number {
    const word = this.word();
    const sum = (word & 0xff) + ((word >>> 8) & 0xff) + ((word >>> 16) & 0xff) + (word >>> 24);
    return (sum - 510) / 147.8;
  }
}

/** Draws one digit into `image` and returns its class. */
function drawSample(image: Uint8Array, draws: Draws): number {
  const label = Math.floor(draws.uniform(0, GLYPHS.length));
  const ways = GLYPHS[label] ?? [];
  const glyph = ways[Math.floor(draws.uniform(0, ways.length))] ?? [];
  const canvas: Canvas = { size: SIZE, pixels: new Float32Array(SIZE * SIZE) };
  const halfWidth = draws.uniform(0.8, 1.6);
  drawGlyph(canvas, glyph, halfWidth, placement(draws));
  drawStray(canvas, halfWidth, draws);
  blur(canvas, draws.uniform(0, 0.2));
  const ink = draws.uniform(0.7, 1);
  const grain = draws.uniform(0.02, 0.1);
  for (let i = 0; i < image.length; i++) {
    const value = ink * (canvas.pixels[i] ?? 0) + grain * draws.noise();
    image[i] = Math.round(255 * Math.min(1, Math.max(0, value)));
  }
  return label;
}

type Placement = (x: number, y: number) => readonly [number, number];

/** Maps the unit square to pixels: a smooth warp, then scale, shear, rotation and translation about the centre. */
function placement(draws: Draws): Placement {
  const warpX = draws.uniform(-0.05, 0.05);
  const warpY = draws.uniform(-0.05, 0.05);
  const phaseX = draws.uniform(0, 2 * Math.PI);
  const phaseY = draws.uniform(0, 2 * Math.PI);
  const angle = draws.uniform(-0.25, 0.25);
  const shear = draws.uniform(-0.25, 0.25);
  const scaleX = draws.uniform(16, 23);
  const scaleY = draws.uniform(16.5, 22);
  const centreX = SIZE / 2 + draws.uniform(-2.5, 2.5);
  const centreY = SIZE / 2 + draws.uniform(-2.5, 2.5);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return (x, y) => {
    const v = scaleY * (y - 0.5 + warpY * Math.sin(4 * x + phaseY));
    const u = scaleX * (x - 0.5 + warpX * Math.sin(4 * y + phaseX)) - shear * v;
    return [centreX + cos * u - sin * v, centreY + sin * u + cos * v];
  };
}

function drawGlyph(canvas: Canvas, glyph: Glyph, halfWidth: number, place: Placement): void {
  for (const stroke of glyph) {
    let from = place(stroke[0] ?? 0, stroke[1] ?? 0);
    for (let i = 2; i < stroke.length; i += 2) {
      const to = place(stroke[i] ?? 0, stroke[i + 1] ?? 0);
      drawSegment(canvas, from[0], from[1], to[0], to[1], halfWidth);
      from = to;
    }
  }
}

/** A short stroke anywhere, as if of a neighbouring digit. */
function drawStray(canvas: Canvas, halfWidth: number, draws: Draws): void {
  const x = draws.uniform(0, SIZE);
  const y = draws.uniform(0, SIZE);
  const length = draws.uniform(1, 5);
  const angle = draws.uniform(0, 2 * Math.PI);
  drawSegment(canvas, x, y, x + length * Math.cos(angle), y + length * Math.sin(angle), halfWidth);
}
