import { minimizer, type Relaxation, relax } from './relaxation.ts';
import type { Assignment } from './search.ts';
import type { Stage } from './stages.ts';

/** Beyond it `Σ λ_r·bound_r` would leave the integers that float64 holds; it is 8 times any objective. */
const MAX_OFFSET = 2 ** 51;
const LINE_STEPS = 40;
const ROUNDS = 4;
const SUBGRADIENT_STEPS = 120;

interface Point {
  readonly multipliers: readonly number[];
  readonly relaxation: Relaxation;
  /** `use_r − bound_r` of a minimizer: a supergradient of L. */
  readonly excess: readonly number[];
}

export interface Dual {
  /** The largest bound found. */
  readonly relaxation: Relaxation;
  /** Of the assignments met on the way that lie within every bound, the one with the least objective. */
  readonly incumbent: Assignment | undefined;
}

/**
 * Maximizes the concave, piecewise linear `L(λ)` over `λ ≥ 0`: along one multiplier at a time to its exact top, then,
 * where there are several, by Polyak's subgradient steps ("Minimization of unsmooth functionals", 1969). Any point is a valid bound, so
 * it may stop anywhere.
 */
export function maximizeBound(stages: readonly Stage[], bounds: readonly number[]): Dual {
  const caps = bounds.map((bound) => MAX_OFFSET / bounds.length / Math.max(bound, 1));
  let incumbent: Assignment | undefined;
  const evaluate = (multipliers: readonly number[]): Point => {
    const relaxation = relax(stages, bounds, multipliers);
    const choices = minimizer(stages, relaxation);
    const total = (table: (stage: Stage) => Float64Array | undefined) =>
      stages.reduce((sum, stage, k) => sum + (table(stage)?.[choices[k] ?? 0] ?? 0), 0);
    const excess = bounds.map((bound, r) => total(({ uses }) => uses[r]) - bound);
    const objective = total((stage) => stage.objective);
    if (excess.every((e) => e <= 0) && objective < (incumbent?.objective ?? Infinity))
      incumbent = { objective, choices };
    return { multipliers, relaxation, excess };
  };

  let best = evaluate(bounds.map(() => 0));
  const rounds = bounds.length > 1 ? ROUNDS : 1;
  for (let round = 0; round < rounds; round++) {
    const before = best.relaxation.bound;
    for (const [r, cap] of caps.entries()) {
      const top = climb(best, r, cap, evaluate);
      if (top.relaxation.bound > best.relaxation.bound) best = top;
    }
    if (best.relaxation.bound === before) break;
  }
  if (bounds.length > 1) best = polish(best, bounds, caps, evaluate, () => incumbent?.objective ?? Infinity);
  return { relaxation: best.relaxation, incumbent };
}

/**
 * The top of L along multiplier r. Two supporting lines, one rising and one falling, meet above the top; the
 * line at the multiplier where they meet replaces one of them until none lies below (Handler & Zang 1980).
 */
function climb(from: Point, r: number, cap: number, evaluate: (at: readonly number[]) => Point): Point {
  const at = (lambda: number) => evaluate(from.multipliers.with(r, lambda));
  const slope = (point: Point) => point.excess[r] ?? 0;
  const value = (point: Point) => point.relaxation.bound;
  const lambda = (point: Point) => point.multipliers[r] ?? 0;
  let low = at(0);
  if (slope(low) <= 0) return low;
  let high = at(cap);
  if (slope(high) > 0) return high;
  for (let step = 0; step < LINE_STEPS; step++) {
    const rise = value(low) - slope(low) * lambda(low);
    const fall = value(high) - slope(high) * lambda(high);
    const meet = (fall - rise) / (slope(low) - slope(high));
    if (!(meet > lambda(low) && meet < lambda(high))) break;
    const middle = at(meet);
    if (slope(middle) === slope(low) || slope(middle) === slope(high)) return middle;
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  return value(low) > value(high) ? low : high;
}

/** Polyak's steps towards the incumbent, halved whenever ten of them in a row gain nothing. */
function polish(
  start: Point,
  bounds: readonly number[],
  caps: readonly number[],
  evaluate: (at: readonly number[]) => Point,
  incumbent: () => number,
): Point {
  let best = start;
  let point = start;
  let fraction = 1;
  let stalled = 0;
  for (let step = 0; step < SUBGRADIENT_STEPS; step++) {
    // In units of each bound, so that the step does not depend on the units of the constraints.
    const direction = point.excess.map((excess, r) => excess / Math.max(bounds[r] ?? 1, 1));
    const norm = direction.reduce((sum, d) => sum + d * d, 0);
    if (norm === 0) break;
    const target = Math.min(incumbent(), best.relaxation.bound * 1.05 + 1);
    const length = (fraction * Math.max(target - point.relaxation.bound, 0)) / norm;
    point = evaluate(
      point.multipliers.map((lambda, r) =>
        Math.min(
          Math.max(lambda + (length * (direction[r] ?? 0)) / Math.max(bounds[r] ?? 1, 1), 0),
          caps[r] ?? 0,
        ),
      ),
    );
    if (point.relaxation.bound > best.relaxation.bound) {
      best = point;
      stalled = 0;
    } else if (++stalled === 10) {
      stalled = 0;
      fraction /= 2;
      point = best;
    }
  }
  return best;
}
