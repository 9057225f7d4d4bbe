import type { Graph, OpNode, Output, Phase, Role, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';

/** The part of a graph that becomes one function. */
export interface PhasePart {
  readonly phase: Phase;
  /** Ops of this phase that some output needs, in order. */
  readonly values: readonly Value[];
  /** Values of this phase that a later one reads and that are no outputs. */
  readonly passed: readonly Value[];
  readonly outputs: readonly Output[];
  /** Earlier phases that this one reads, in order. */
  readonly reads: readonly Phase[];
  /** Roles of the inputs that it reads. */
  readonly roles: ReadonlySet<Role>;
  readonly noisy: boolean;
}

const PHASES: readonly Phase[] = ['F', 'B', 'U'];

/**
 * Splits what the outputs need into F, B and U, leaving out phases without ops. An op belongs to its own phase or
 * to the latest of its operands', so that each part reads earlier ones only. Outputs that no op computes (an input
 * that stays as it is, a constant) are of the last phase.
 */
export function splitPhases(graph: Graph): readonly PhasePart[] {
  const ops = liveOps(graph);
  const phaseOf = new Map<Value, Phase>();
  for (const [value, node] of ops) {
    const operands = node.operands.map((v) => phaseOf.get(v) ?? 'F');
    phaseOf.set(value, latest([node.origin.phase, ...operands]));
  }
  const last = latest([...phaseOf.values()]);
  const crossing = new Set<Value>();
  for (const [value, node] of ops) {
    for (const v of node.operands) if (phaseOf.get(v) !== phaseOf.get(value)) crossing.add(v);
  }
  const present = PHASES.filter((p) => p === last || ops.some(([v]) => phaseOf.get(v) === p));
  return present.map((phase) => {
    const own = ops.filter(([v]) => phaseOf.get(v) === phase);
    const outputs = graph.outputs.filter((o) => (phaseOf.get(o.value) ?? last) === phase);
    const read = [...own.flatMap(([, node]) => node.operands), ...outputs.map((o) => o.value)];
    const returned = new Set(outputs.map((o) => o.value));
    return {
      phase,
      values: own.map(([v]) => v),
      passed: own.map(([v]) => v).filter((v) => crossing.has(v) && !returned.has(v)),
      outputs,
      reads: PHASES.filter((p) => p !== phase && read.some((v) => phaseOf.get(v) === p)),
      roles: rolesOf(graph, read),
      noisy: own.some(([, { op }]) => op === 'uniform' || op === 'normal'),
    };
  });
}

function latest(phases: readonly Phase[]): Phase {
  return PHASES.findLast((phase) => phases.includes(phase)) ?? 'F';
}

function rolesOf(graph: Graph, values: readonly Value[]): ReadonlySet<Role> {
  const roles = new Set<Role>();
  for (const value of values) {
    const node = nodeOf(graph, value);
    if (node.kind === 'input') roles.add(node.role);
  }
  return roles;
}

/** The ops that some output needs, in order. */
function liveOps(graph: Graph): readonly (readonly [Value, OpNode])[] {
  const live = new Set<Value>(graph.outputs.map((o) => o.value));
  const ops: [Value, OpNode][] = [];
  for (let value = graph.nodes.length - 1; value >= 0; value--) {
    const node = nodeOf(graph, value);
    if (!live.has(value) || node.kind !== 'op') continue;
    for (const operand of node.operands) live.add(operand);
    ops.push([value, node as OpNode]);
  }
  return ops.reverse();
}
