import { add, type Bound, compare, max, multiply, sqrt, ZERO } from '../numeric/bound.ts';

/**
 * The step functions of uncertain masks and routings: an element whose margin is t is uncertain from an error of t on. The value at x is
 * the level of the last step at or below x, and 0 before the first. It is monotone and, steps being closed on the left, upper
 * semicontinuous: at an error equal to a margin the element is charged, and so it is at an error rounded up.
 */
export interface Step {
  readonly at: Bound;
  /** The value from here to the next step: the cost of all elements that are uncertain. */
  readonly level: Bound;
}

/** An element of a mask or a window: what it costs once the error reaches its margin. */
export interface UncertainElement {
  readonly margin: Bound;
  readonly cost: Bound;
}

/** How the costs of several uncertain elements make one: in the 1-norm, the 2-norm or the ∞-norm. */
export type CostNorm = 'l1' | 'l2' | 'inf';

const ACCUMULATE: Readonly<Record<CostNorm, (total: Bound, cost: Bound) => Bound>> = {
  l1: add,
  l2: (squares, cost) => add(squares, multiply(cost, cost)),
  inf: max,
};

/** The steps by which elements become uncertain, one for each margin at which the cost rises; costs are rounded up. */
export function stepsOf(elements: readonly UncertainElement[], norm: CostNorm): readonly Step[] {
  const steps: Step[] = [];
  let total = ZERO;
  let previous = ZERO;
  const ascending = [...elements].sort((a, b) => compare(a.margin, b.margin));
  ascending.forEach(({ margin, cost }, i) => {
    total = ACCUMULATE[norm](total, cost);
    const next = ascending[i + 1];
    if (next !== undefined && compare(next.margin, margin) === 0) return;
    const level = norm === 'l2' ? sqrt(total) : total;
    if (compare(level, previous) > 0) steps.push({ at: margin, level });
    previous = level;
  });
  return steps;
}

/** Whether thresholds and levels strictly ascend, as those of a step function do. */
export function areSteps(steps: readonly Step[]): boolean {
  return steps.every(({ at, level }, i) => {
    const previous = steps[i - 1];
    if (previous === undefined) return level.mantissa > 0;
    return compare(previous.at, at) < 0 && compare(previous.level, level) < 0;
  });
}

/** The value of the step function at x. */
export function levelAt(steps: readonly Step[], x: Bound): Bound {
  return steps[stepsTaken(steps, x) - 1]?.level ?? ZERO;
}

/** The first step above x, if there is one. */
export function stepAfter(steps: readonly Step[], x: Bound): Step | undefined {
  return steps[stepsTaken(steps, x)];
}

/** The number of steps at or below x. */
function stepsTaken(steps: readonly Step[], x: Bound): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const step = steps[middle];
    if (step !== undefined && compare(step.at, x) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
