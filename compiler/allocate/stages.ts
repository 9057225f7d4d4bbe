import type { Model, Term } from './model.ts';

/**
 * One step of the dynamic program: a variable enters, and of the variables seen so far those that later terms still read
 * stay active (variable elimination, Dechter 1999). Tables are indexed by `state · levels + level`, a state being
 * the joint levels of the active variables before.
 */
export interface Stage {
  /** The variables that enter: one, unless stages were contracted. */
  readonly variables: readonly number[];
  readonly states: number;
  readonly levels: number;
  /** The state after. */
  readonly next: Int32Array;
  /** What the terms that this choice completes add to the objective, to the sum of bits, and to each constraint. */
  readonly objective: Float64Array;
  readonly bits: Float64Array;
  readonly uses: readonly Float64Array[];
  /** For each level, the widths in bits of the variables that enter. */
  readonly chosen: readonly (readonly number[])[];
}

/** Entries of a stage's table that are worth their time; beyond it the model couples too many variables at once. */
const MAX_TABLE = 2 ** 20;

/** The stages of a model, or undefined where a table would be too large. */
export function stagesOf(model: Model): readonly Stage[] | undefined {
  const { variables, objective, constraints } = model;
  const sizes = variables.map(({ levels }) => levels.length);
  const all = [...objective, ...constraints.flatMap(({ terms }) => terms)];
  const order = eliminationOrder(sizes, all);
  const position = new Int32Array(sizes.length);
  order.forEach((variable, at) => {
    position[variable] = at;
  });
  const lastUse = new Int32Array(sizes.length).fill(-1);
  const completed = ({ scope }: Term) => Math.max(...scope.map((v) => position[v] ?? 0));
  for (const term of all)
    for (const v of term.scope) lastUse[v] = Math.max(lastUse[v] ?? -1, completed(term));

  const byStage = (terms: readonly Term[]) => {
    const groups: Term[][] = order.map(() => []);
    for (const term of terms) groups[completed(term)]?.push(term);
    return groups;
  };
  const objectiveAt = byStage(objective);
  const usesAt = constraints.map(({ terms }) => byStage(terms));
  const active = order.map((_, at) => order.slice(0, at + 1).filter((v) => (lastUse[v] ?? -1) > at));
  const entering = order.map((variable, at) => [...(active[at - 1] ?? []), variable]);
  const entries = entering.map((joint) => joint.reduce((product, v) => product * (sizes[v] ?? 1), 1));
  if (Math.max(...entries) > MAX_TABLE) return undefined;

  return order.map((variable, at) => {
    const joint = entering[at] ?? [];
    const size = entries[at] ?? 1;
    const levels = variables[variable]?.levels ?? [];
    const tied = variables[variable]?.sites.length ?? 0;
    const table = (terms: readonly Term[] | undefined) => sumTable(terms ?? [], joint, sizes, size);
    return {
      variables: [variable],
      levels: levels.length,
      states: size / levels.length,
      next: Int32Array.from(project(joint, active[at] ?? [], sizes, size)),
      objective: table(objectiveAt[at]),
      bits: Float64Array.from(
        project(joint, [variable], sizes, size),
        (level) => (levels[level] ?? 0) * tied,
      ),
      uses: usesAt.map((terms) => table(terms[at])),
      chosen: levels.map((width) => [width]),
    };
  });
}

/** Greedy: next comes the variable that leaves the fewest joint states active, among those that share a term with an active one. */
function eliminationOrder(sizes: readonly number[], terms: readonly Term[]): number[] {
  const neighbours = sizes.map(() => new Set<number>());
  for (const { scope } of terms)
    for (const a of scope) for (const b of scope) if (a !== b) neighbours[a]?.add(b);
  const waiting = new Set(sizes.keys());
  const active = new Set<number>();
  const order: number[] = [];
  const stays = (v: number, without: number) =>
    [...(neighbours[v] ?? [])].some((n) => n !== without && waiting.has(n));
  while (waiting.size > 0) {
    const adjacent = new Set(
      [...active].flatMap((v) => [...(neighbours[v] ?? [])]).filter((v) => waiting.has(v)),
    );
    let best = -1;
    let fewest = Infinity;
    for (const v of adjacent.size > 0 ? [...adjacent].sort((a, b) => a - b) : waiting) {
      const left = [...active, v].filter((u) => stays(u, v));
      const states = left.reduce((product, u) => product * (sizes[u] ?? 1), 1);
      if (states < fewest) [best, fewest] = [v, states];
    }
    order.push(best);
    waiting.delete(best);
    active.add(best);
    for (const v of active) if (!stays(v, v)) active.delete(v);
  }
  return order;
}

/** The sum of terms over the joint levels of `variables`. */
function sumTable(
  terms: readonly Term[],
  variables: readonly number[],
  sizes: readonly number[],
  size: number,
) {
  const sums = new Float64Array(size);
  for (const { scope, values } of terms) {
    let i = 0;
    for (const index of project(variables, scope, sizes, size)) {
      sums[i] = (sums[i] ?? 0) + (values[index] ?? 0);
      i++;
    }
  }
  return sums;
}

/** For each joint index over `from`, the row-major index of the same levels over `onto`, a part of `from` in any order. */
function* project(
  from: readonly number[],
  onto: readonly number[],
  sizes: readonly number[],
  size: number,
): Generator<number> {
  const strides = from.map((v) => {
    const at = onto.indexOf(v);
    return at < 0 ? 0 : onto.slice(at + 1).reduce((product, u) => product * (sizes[u] ?? 1), 1);
  });
  const levels = new Int32Array(from.length);
  let index = 0;
  for (let i = 0; i < size; i++) {
    yield index;
    for (let k = from.length - 1; k >= 0; k--) {
      const stride = strides[k] ?? 0;
      const level = (levels[k] ?? 0) + 1;
      if (level < (sizes[from[k] ?? 0] ?? 1)) {
        levels[k] = level;
        index += stride;
        break;
      }
      levels[k] = 0;
      index -= stride * (level - 1);
    }
  }
}
