import type { Phases } from './convolution-phases.ts';
import { frobeniusUp } from './gram.ts';
import { matrix } from './matrix.ts';
import { addUp, gamma, mulUp } from './outward.ts';
import { type SpectralOptions, spectralNormUp } from './spectral.ts';
import { TWIDDLE_ERROR, type UnitRoots, unitRoots } from './twiddle.ts';

/** Multiplications of {@link circularNorm}, roughly: six products of a size a frequency. */
export function circularWork({ filters, channels, circular }: Phases): number {
  const small = 2 * Math.min(filters, channels);
  return 0.5 * circular[0] * circular[1] * small * small * (Math.max(filters, channels) + 2.5 * small);
}

/**
 * A certified upper bound of the 2-norm of a circular convolution on `circular` points, for a kernel with entries up to 1: the transform
 * takes it to one complex filters × channels matrix a frequency, and the largest of their norms is its own.
 */
export function circularNorm(phases: Phases, options: SpectralOptions): number {
  const { kernel, filters, channels, taps, circular } = phases;
  const [rootsY, rootsX] = [unitRoots(circular[0]), unitRoots(circular[1])];
  const embedded = new Float64Array(4 * filters * channels);
  let largest = 0;
  for (let v = 0; v < circular[1]; v++) {
    const rows = transformRows(kernel, taps[1], rootsX, v);
    for (let u = 0; u < circular[0]; u++) {
      // The kernel is real: opposite frequencies are conjugate, and their norms are equal.
      const [oppositeU, oppositeV] = [(circular[0] - u) % circular[0], (circular[1] - v) % circular[1]];
      if (oppositeV < v || (oppositeV === v && oppositeU < u)) continue;
      transformColumns(embedded, rows, phases, rootsY, u);
      const at = matrix(2 * filters, 2 * channels, embedded);
      largest = Math.max(largest, spectralNormUp(at, options, largest));
    }
  }
  return addUp(largest, transformError(phases));
}

interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** `Σ_j K[.., j]·e^(2πi·v·j/n)` over rows of `taps` numbers. */
function transformRows(kernel: Float64Array, taps: number, { cos, sin }: UnitRoots, v: number): Complex {
  const count = kernel.length / taps;
  const re = new Float64Array(count);
  const im = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let [x, y] = [0, 0];
    for (let j = 0; j < taps; j++) {
      const weight = kernel[row * taps + j] ?? 0;
      const root = (v * j) % cos.length;
      x += weight * (cos[root] ?? 0);
      y += weight * (sin[root] ?? 0);
    }
    re[row] = x;
    im[row] = y;
  }
  return { re, im };
}

/** The transform X + iY at (u, v) as the real matrix [[X, −Y], [Y, X]], which has the same norm. */
function transformColumns(
  out: Float64Array,
  rows: Complex,
  { filters, channels, taps }: Phases,
  { cos, sin }: UnitRoots,
  u: number,
): void {
  for (let filter = 0; filter < filters; filter++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (filter * channels + channel) * taps[0];
      let [x, y] = [0, 0];
      for (let i = 0; i < taps[0]; i++) {
        const root = (u * i) % cos.length;
        const [c, s] = [cos[root] ?? 0, sin[root] ?? 0];
        const [re, im] = [rows.re[from + i] ?? 0, rows.im[from + i] ?? 0];
        x += re * c - im * s;
        y += re * s + im * c;
      }
      const above = filter * 2 * channels + channel;
      const below = (filters + filter) * 2 * channels + channel;
      out[above] = x;
      out[above + channels] = -y;
      out[below] = y;
      out[below + channels] = x;
    }
  }
}

/**
 * What rounding may add at any frequency. With ε for the roots, a part of the row transform is within `(ε + γ)·Σ_j |K|` and at most
 * `Σ_j |K|·(1 + ε + γ)`; a part of the column transform adds two of them a tap, so that the modulus of an entry's error stays within
 * `8(ε + γ)·Σ|K|`, and its Frobenius norm, which bounds its 2-norm, follows.
 */
function transformError({ kernel, taps }: Phases): number {
  const count = taps[0] * taps[1];
  const sums = new Float64Array(kernel.length / count);
  for (let at = 0; at < kernel.length; at++) {
    const entry = Math.floor(at / count);
    sums[entry] = (sums[entry] ?? 0) + Math.abs(kernel[at] ?? 0);
  }
  const perEntry = 8 * addUp(TWIDDLE_ERROR, gamma(2 * taps[0] + taps[1] + count + 4));
  return mulUp(perEntry, frobeniusUp(sums));
}
