import { extend, type Labels, rootLabel, select, traceBack, undominated } from './labels.ts';
import type { Stage } from './stages.ts';

/** Joint levels of a run of stages that are worth comparing with one another. */
const MAX_JOINT_LEVELS = 2 ** 20;

/**
 * One stage in place of each run of stages that shares no term with the rest, with only its undominated joint levels: of the 16³ widths of
 * a layer's weights, input and gradient a few hundred are left. Whatever holds for an optimum of the rest, one of these completes it.
 */
export function contractStages(stages: readonly Stage[]): readonly Stage[] {
  const contracted: Stage[] = [];
  let run: Stage[] = [];
  for (const [k, stage] of stages.entries()) {
    run.push(stage);
    if ((stages[k + 1]?.states ?? 1) > 1) continue;
    const joint = run.reduce((product, { levels }) => product * levels, 1);
    contracted.push(...(joint <= MAX_JOINT_LEVELS ? [contract(run)] : run));
    run = [];
  }
  return contracted;
}

function contract(run: readonly Stage[]): Stage {
  let labels = rootLabel(run[0]?.uses.length ?? 0);
  const history: Labels[] = [];
  for (const stage of run) {
    const extended = extend(labels, stage, () => true);
    labels = select(extended, undominated(extended));
    history.push(labels);
  }
  return {
    variables: run.flatMap(({ variables }) => variables),
    states: 1,
    levels: labels.count,
    next: new Int32Array(labels.count),
    objective: Float64Array.from(labels.objective),
    bits: Float64Array.from(labels.bits),
    uses: labels.uses.map((column) => Float64Array.from(column)),
    chosen: Array.from({ length: labels.count }, (_, label) =>
      traceBack(history, label).flatMap((entry, k) => run[k]?.chosen[entry % (run[k]?.levels ?? 1)] ?? []),
    ),
  };
}
