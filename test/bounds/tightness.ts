import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { isUnbounded, toNumber } from '../../compiler/numeric/bound.ts';
import { Adversary } from './adversary.ts';
import { NORMS } from './attain.ts';
import { caseOf } from './cases.ts';
import { analyse, computedValues, distanceOf, realValues } from './check.ts';
import { Random } from './random.ts';

/** Bound ÷ observed of an op's result in each norm: the geometric mean over cases, 1 being the tightest that there is. */
export interface Tightness {
  readonly inf: number;
  readonly two: number;
}

const CASES = 120;

/** Over seeded cases in the meet, those left out in which nothing is observed or nothing is bounded. */
export function tightnessOf(op: OpName): Tightness {
  const random = new Random(20261122);
  const logs = { inf: 0, two: 0 };
  let count = 0;
  for (let i = 0; i < CASES; i++) {
    const one = caseOf(op, random.below(2 ** 31));
    const adversary = new Adversary(random.below(2 ** 31));
    const value = one.graph.nodes.findLastIndex((node) => node.kind === 'op' && node.op === op);
    const [real, computed] = [realValues(one)[value], computedValues(one, adversary)[value]];
    const error = analyse(one, 'meet').errors[value];
    if (real === undefined || computed === undefined || error === undefined) continue;
    const observed = distanceOf(computed, real);
    const bound = { inf: toNumber(error.inf), two: toNumber(error.two) };
    const measurable = NORMS.every(
      (norm) => !isUnbounded(error[norm]) && observed[norm] > 0 && bound[norm] < Infinity,
    );
    if (!measurable) continue;
    for (const norm of NORMS) logs[norm] += Math.log(bound[norm] / observed[norm]);
    count++;
  }
  const mean = (norm: 'inf' | 'two') =>
    count === 0 ? 1 : Number(Math.exp(logs[norm] / count).toPrecision(4));
  return { inf: mean('inf'), two: mean('two') };
}
