/** A function's value and gradient at a point. */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** A step and the change of the gradient along it, with 1 / ⟨s, y⟩. */
interface Curvature {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly rho: number;
}

const MEMORY = 12;

/** Below this slope along the search direction nothing is left to gain. */
const FLAT = 1e-14;

/** The slope that a step must keep, as a fraction (Armijo's condition). */
const SUFFICIENT = 1e-4;

/**
 * Minimizes a smooth function by L-BFGS with backtracking (Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithms 3.1 and 7.5), in at
 * most `evaluations` evaluations. Returns the best point found; the start, where the function is not finite there.
 */
export function minimize(
  f: (x: Float64Array) => Evaluation,
  start: Float64Array,
  evaluations: number,
): Float64Array {
  const history: Curvature[] = [];
  let x = start;
  let at = f(x);
  let used = 1;
  while (used < evaluations) {
    const direction = descent(at.gradient, history);
    const slope = dot(at.gradient, direction);
    if (!(slope < -FLAT)) break;
    let moved = x;
    let next = at;
    for (let step = 1; used < evaluations; step /= 2) {
      moved = plus(x, step, direction);
      next = f(moved);
      used++;
      if (next.value <= at.value + SUFFICIENT * step * slope) break;
    }
    if (!(next.value < at.value)) break;
    const s = plus(moved, -1, x);
    const y = plus(next.gradient, -1, at.gradient);
    const curvature = dot(s, y);
    if (curvature > 0) history.push({ s, y, rho: 1 / curvature });
    if (history.length > MEMORY) history.shift();
    x = moved;
    at = next;
  }
  return x;
}

/** `−H·g` for the inverse Hessian H that the history suggests (two-loop recursion). */
function descent(gradient: Float64Array, history: readonly Curvature[]): Float64Array {
  let q: Float64Array = gradient.map((g) => -g);
  const coefficients: number[] = [];
  for (const { s, y, rho } of history.toReversed()) {
    const coefficient = rho * dot(s, q);
    coefficients.push(coefficient);
    q = plus(q, -coefficient, y);
  }
  const last = history.at(-1);
  // The first step has no scale of its own: logarithms of scalings move by about half their gradient.
  const size = last === undefined ? 0.5 : 1 / (last.rho * dot(last.y, last.y));
  q = q.map((value) => value * size);
  for (const { s, y, rho } of history) {
    q = plus(q, (coefficients.pop() ?? 0) - rho * dot(y, q), s);
  }
  return q;
}

/** `a + factor·b`. */
function plus(a: Float64Array, factor: number, b: Float64Array): Float64Array {
  return a.map((value, i) => value + factor * (b[i] ?? 0));
}

/** `Σ a_i·b_i` over a range, all of it unless told. */
export function dot(a: Float64Array, b: Float64Array, from = 0, to = a.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
