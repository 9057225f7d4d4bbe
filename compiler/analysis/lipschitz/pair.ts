import { frobeniusUp, gramInto } from '../../norms/gram.ts';
import { type Matrix, matrix, shifted, toUnit, transposed } from '../../norms/matrix.ts';
import { addUp, mulUp, SMALLEST, UNIT_ROUNDOFF } from '../../norms/outward.ts';
import { spectralNorm, spectralNormUp } from '../../norms/spectral.ts';
import { type Bound, min, multiply, ZERO } from '../../numeric/bound.ts';
import { balancedScaling, optimizedScaling } from './scaling.ts';

/** What a Lipschitz bound may cost. */
export interface LipschitzOptions {
  /**
   * Evaluations, each up to nine products of hidden × hidden matrices, that the search for a scaling may take; 0 takes the closed form, whose
   * trace is least. Any scaling gives a valid bound. Unless told, at most 60 and about 10⁹ multiplications.
   */
  readonly evaluations?: number;
}

function defaultEvaluations(hidden: number): number {
  return Math.min(60, Math.floor(1e9 / (3 * hidden ** 3)));
}

/** The logarithms of scalings stay within those of 2^±40, so that what underflow lost stays negligible. */
const LARGEST_SCALING = 2 ** 40;

/**
 * A certified 2-norm Lipschitz bound of `x ↦ W₂·φ(W₁·x + b)` for an elementwise φ with slopes in [0, 1], such as relu:
 *
 *     ‖W₂·D·W₁‖ ≤ ½·‖[S⁻¹·W₂ᵀ  S·W₁]‖₂²   for diagonal 0 ≤ D ≤ I and any diagonal S > 0.
 *
 * With unit u, v, a = S⁻¹W₂ᵀu and b = SW₁v: `uᵀW₂DW₁v = Σ d·a·b ≤ Σ max(a·b, 0) ≤ ¼·‖a + b‖² ≤ ¼·‖[S⁻¹W₂ᵀ SW₁]‖²·(‖u‖² + ‖v‖²)`. The
 * infimum over S is what LipSDP-Neuron computes by a semidefinite program (Fazlyab et al., "Efficient and accurate estimation of Lipschitz
 * constants for deep neural networks", NeurIPS 2019, theorem 1 with diagonal T = S²). Here S is found numerically, then the bound is certified
 * by the norm of one matrix. Never above `‖W₂‖₂·‖W₁‖₂`.
 *
 * @param first W₁, hidden × inputs
 * @param second W₂, outputs × hidden
 */
export function lipschitzPair(first: Matrix, second: Matrix, options: LipschitzOptions = {}): Bound {
  const product = multiply(spectralNorm(second), spectralNorm(first));
  return min(product, scaledBound(first, second, options));
}

/** The bound of {@link lipschitzPair} without the product, for callers that know it. */
export function scaledBound(first: Matrix, second: Matrix, options: LipschitzOptions = {}): Bound {
  if (second.columns !== first.rows) throw new Error(`${first.rows} outputs meet ${second.columns} inputs`);
  const { evaluations = defaultEvaluations(first.rows) } = options;
  const [one, two] = [toUnit(first.data), toUnit(second.data)];
  if (one === undefined || two === undefined) return ZERO;
  const live = liveUnits(first, second);
  const incoming = selectRows(one.data, first.columns, live);
  const outgoing = selectRows(transposed(two.data, second.rows, second.columns), second.rows, live);
  const logarithms = searchScaling(incoming, outgoing, live.length, evaluations);
  const scaling = logarithms.map(admissible);

  const columns = first.columns + second.rows;
  const stacked = new Float64Array(live.length * columns);
  for (const [i, s] of scaling.entries()) {
    for (let j = 0; j < second.rows; j++) {
      stacked[i * columns + j] = (outgoing[i * second.rows + j] ?? 0) / s;
    }
    for (let j = 0; j < first.columns; j++) {
      stacked[i * columns + second.rows + j] = (incoming[i * first.columns + j] ?? 0) * s;
    }
  }
  // Each entry is rounded once; underflow here, and in the units times a scaling, is far below.
  const rounding = mulUp(2 * UNIT_ROUNDOFF, frobeniusUp(stacked));
  const underflow = addUp(stacked.length * SMALLEST, LARGEST_SCALING * addUp(one.lost, two.lost));
  const norm = spectralNormUp(matrix(live.length, columns, stacked), { tolerance: 1e-5 });
  const bound = addUp(norm, addUp(rounding, underflow));
  return shifted(mulUp(bound, bound) / 2, one.exponent + two.exponent);
}

/**
 * Hidden units that some input reaches and that reach some output; the others add nothing to W₂·D·W₁. The weights as given decide: a
 * row that vanished in scaling still counts.
 */
function liveUnits(first: Matrix, second: Matrix): number[] {
  const reached = new Uint8Array(first.rows);
  const reaching = new Uint8Array(first.rows);
  for (let at = 0; at < first.data.length; at++) {
    if (first.data[at] !== 0) reached[Math.floor(at / first.columns)] = 1;
  }
  for (let at = 0; at < second.data.length; at++) {
    if (second.data[at] !== 0) reaching[at % second.columns] = 1;
  }
  return Array.from({ length: first.rows }, (_, i) => i).filter((i) => reached[i] === 1 && reaching[i] === 1);
}

function selectRows(data: Float64Array, columns: number, rows: readonly number[]): Float64Array {
  const out = new Float64Array(rows.length * columns);
  for (const [to, from] of rows.entries()) {
    out.set(data.subarray(from * columns, (from + 1) * columns), to * columns);
  }
  return out;
}

/** Logarithms of a scaling of the hidden units, which are the rows of both matrices. */
function searchScaling(
  incoming: Float64Array,
  outgoing: Float64Array,
  hidden: number,
  evaluations: number,
): Float64Array {
  if (hidden === 0) return new Float64Array(0);
  const c = new Float64Array(hidden * hidden);
  const g = new Float64Array(hidden * hidden);
  gramInto(c, outgoing, hidden, outgoing.length / hidden);
  gramInto(g, incoming, hidden, incoming.length / hidden);
  return evaluations === 0 ? balancedScaling(c, g, hidden) : optimizedScaling(c, g, hidden, evaluations);
}

/** A positive scaling factor from any logarithm: units of 10⁻²⁰⁰ have lost their squares, and their best factor with it. */
function admissible(logarithm: number): number {
  const s = Math.exp(logarithm);
  return Number.isNaN(s) ? 1 : Math.min(Math.max(s, 1 / LARGEST_SCALING), LARGEST_SCALING);
}
