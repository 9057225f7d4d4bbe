import type { ProbeTensor } from './contract.ts';
import type { Kink } from './perturb.ts';
import { type PoolPairs, remainder, switching } from './switches.ts';
import { CURVE } from './table.ts';

/** Elements (or pairs) of a kink with everything that its curves are made of. */
export interface KinkElements {
  /** Distance from the switch, in units of τ at the reference. */
  readonly t: Float32Array;
  /** τ at the reference. */
  readonly tau: Float32Array;
  /** The cotangent that a backward switch moves, summed in squares over the kink's backward points. */
  readonly v: Float32Array;
  /** Mean squared adjoints at the backward and the forward point. */
  readonly back: Float32Array;
  readonly forward: Float32Array;
}

/** Bins of log₂ t, eight an octave. */
const LOW = -16;
const HIGH = 16;
const PER_OCTAVE = 8;

/**
 * The switching variance of a kink over r: `Σ v²·P(1−P)·(Jᵀu)²` of the backward switches and the remainders' variance of the
 * forward ones, with P = Φ(−t/r); and the growth of the backward bias, `Σ |v|·P`. Elements are binned by log₂ t first.
 */
export function switchCurves(elements: KinkElements): {
  readonly variance: readonly number[];
  readonly growth: readonly number[];
} {
  const bins = (HIGH - LOW) * PER_OCTAVE;
  const backward = new Float64Array(bins);
  const forward = new Float64Array(bins);
  const moved = new Float64Array(bins);
  for (let i = 0; i < elements.t.length; i++) {
    const tau = elements.tau[i] ?? 0;
    if (!(tau > 0)) continue;
    const place = (Math.log2(Math.max(elements.t[i] ?? 0, 2 ** LOW)) - LOW) * PER_OCTAVE;
    if (place >= bins) continue;
    const bin = Math.max(0, Math.floor(place));
    const v = elements.v[i] ?? 0;
    backward[bin] = (backward[bin] ?? 0) + v * v * (elements.back[i] ?? 0);
    forward[bin] = (forward[bin] ?? 0) + tau * tau * (elements.forward[i] ?? 0);
    moved[bin] = (moved[bin] ?? 0) + Math.abs(v);
  }
  const centre = (bin: number): number => 2 ** (LOW + (bin + 0.5) / PER_OCTAVE);
  const over = (weights: Float64Array, f: (t: number) => number): number =>
    weights.reduce((sum, w, bin) => (w === 0 ? sum : sum + w * f(centre(bin))), 0);
  const variance = CURVE.map((k) => {
    const r = 2 ** k;
    const back = over(backward, (t) => {
      const p = switching(t / r, 1);
      return p * (1 - p);
    });
    return back + r * r * over(forward, (t) => remainder(t / r, 1).variance);
  });
  const bias = CURVE.map((k) => over(moved, (t) => switching(t / 2 ** k, 1)));
  const atReference = bias[CURVE.indexOf(0)] ?? 0;
  return { variance, growth: bias.map((b) => (atReference > 0 ? b / atReference : 0)) };
}

/** The elements of a relu's or the pairs of a pooling's switches. */
export function kinkElements(
  kink: Kink,
  z: ProbeTensor,
  squares: Float32Array,
  cotangents: readonly ProbeTensor[],
  adjoints: { readonly forward: Float32Array; readonly backward: readonly Float32Array[] },
  pairs: PoolPairs | undefined,
): KinkElements {
  const tau = squares.map(Math.sqrt);
  const cut = (i: number): number =>
    pairs
      ? (z.data[pairs.winner[i] ?? 0] ?? 0) - (z.data[pairs.loser[i] ?? 0] ?? 0)
      : Math.abs(z.data[i] ?? 0);
  const output = (i: number): number => (pairs ? (pairs.output[i] ?? 0) : i);
  const shut = (i: number): boolean =>
    kink.rectified === true && pairs !== undefined && (z.data[pairs.winner[i] ?? 0] ?? 0) <= 0;
  const t = tau.map((s, i) => cut(i) / s);
  const v = tau.map((_, i) =>
    Math.sqrt(cotangents.reduce((sum, c) => sum + (c.data[output(i)] ?? 0) ** 2, 0)),
  );
  // With several backward points the squared adjoints are weighted by the cotangents that meet them.
  const back = tau.map((_, i) => {
    const total = (v[i] ?? 0) ** 2;
    const sum = cotangents.reduce(
      (s, c, k) => s + (c.data[output(i)] ?? 0) ** 2 * (adjoints.backward[k]?.[i] ?? 0),
      0,
    );
    return total > 0 ? sum / total : 0;
  });
  const forward = tau.map((_, i) => (shut(i) ? 0 : (adjoints.forward[output(i)] ?? 0)));
  return { t, tau, v, back, forward };
}
