import type { ProbeTensor } from './contract.ts';
import type { Kink } from './perturb.ts';
import { type PoolPairs, remainder, switching } from './switches.ts';
import { CURVE } from './table-data.ts';

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

/** How a kink's switches grow with r, on {@link CURVE}; squares. */
export interface SwitchCurves {
  /** Variance that the switches cause. */
  readonly variance: readonly number[];
  /** Squared bias of the backward switches, and of the forward ones, if elements did not add up in phase. */
  readonly backward: readonly number[];
  readonly forward: readonly number[];
}

/**
 * The curves of a kink over r, P = Φ(−t/r): `Σ v²·P(1−P)·(Jᵀu)²` and the remainders' variance; `Σ v²·P²·(Jᵀu)²`; the squared means of the
 * remainders. The signs of the cotangents v are as good as random, so that a bias grows like the root of such a sum, not like
 * `Σ |v|·P`. Elements are binned by log₂ t first.
 */
export function switchCurves(elements: KinkElements): SwitchCurves {
  const bins = (HIGH - LOW) * PER_OCTAVE;
  const moved = new Float64Array(bins);
  const left = new Float64Array(bins);
  for (let i = 0; i < elements.t.length; i++) {
    const tau = elements.tau[i] ?? 0;
    if (!(tau > 0)) continue;
    const place = (Math.log2(Math.max(elements.t[i] ?? 0, 2 ** LOW)) - LOW) * PER_OCTAVE;
    if (place >= bins) continue;
    const bin = Math.max(0, Math.floor(place));
    moved[bin] = (moved[bin] ?? 0) + (elements.v[i] ?? 0) ** 2 * (elements.back[i] ?? 0);
    left[bin] = (left[bin] ?? 0) + tau * tau * (elements.forward[i] ?? 0);
  }
  const centre = (bin: number): number => 2 ** (LOW + (bin + 0.5) / PER_OCTAVE);
  const over = (weights: Float64Array, f: (t: number) => number): number =>
    weights.reduce((sum, w, bin) => (w === 0 ? sum : sum + w * f(centre(bin))), 0);
  const curve = (f: (r: number) => number): readonly number[] => CURVE.map((k) => f(2 ** k));
  const odds = (t: number): number => switching(t, 1) * (1 - switching(t, 1));
  return {
    variance: curve(
      (r) => over(moved, (t) => odds(t / r)) + r * r * over(left, (t) => remainder(t / r, 1).variance),
    ),
    backward: curve((r) => over(moved, (t) => switching(t / r, 1) ** 2)),
    forward: curve((r) => r * r * over(left, (t) => remainder(t / r, 1).mean ** 2)),
  };
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
