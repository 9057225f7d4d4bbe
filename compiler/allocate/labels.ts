import type { Stage } from './stages.ts';

/** Partial assignments, up to and with one stage, as columns. */
export interface Labels {
  count: number;
  readonly state: number[];
  /** The label of the stage before that it extends. */
  readonly parent: number[];
  /** The entry of the stage's table that it chooses. */
  readonly entry: number[];
  readonly objective: number[];
  readonly bits: number[];
  readonly uses: readonly number[][];
}

/** The one label before the first stage: nothing is chosen. */
export function rootLabel(constraints: number): Labels {
  const uses = Array.from({ length: constraints }, () => [0]);
  return { count: 1, state: [0], parent: [-1], entry: [-1], objective: [0], bits: [0], uses };
}

/** Every label with every level of the next stage, as far as `admits` its objective, uses and the state after. */
export function extend(
  labels: Labels,
  stage: Stage,
  admits: (objective: number, uses: readonly number[], state: number) => boolean,
): Labels {
  const extended: Labels = {
    count: 0,
    state: [],
    parent: [],
    entry: [],
    objective: [],
    bits: [],
    uses: labels.uses.map(() => []),
  };
  const constraints = labels.uses.length;
  const uses = new Array<number>(constraints).fill(0);
  for (let i = 0; i < labels.count; i++) {
    for (let level = 0; level < stage.levels; level++) {
      const entry = (labels.state[i] ?? 0) * stage.levels + level;
      const state = stage.next[entry] ?? 0;
      const objective = (labels.objective[i] ?? 0) + (stage.objective[entry] ?? 0);
      for (let r = 0; r < constraints; r++)
        uses[r] = (labels.uses[r]?.[i] ?? 0) + (stage.uses[r]?.[entry] ?? 0);
      if (!admits(objective, uses, state)) continue;
      extended.count++;
      extended.state.push(state);
      extended.parent.push(i);
      extended.entry.push(entry);
      extended.objective.push(objective);
      extended.bits.push((labels.bits[i] ?? 0) + (stage.bits[entry] ?? 0));
      for (let r = 0; r < constraints; r++) extended.uses[r]?.push(uses[r] ?? 0);
    }
  }
  return extended;
}

/**
 * Indices of the labels that no other dominates, by state, objective and bits. One dominates another in the same state
 * when it is no worse in the objective, then in the bits, and in every constraint.
 */
export function undominated({ count, state, objective, bits, uses }: Labels): number[] {
  const columns = [state, objective, bits, ...uses];
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => {
    for (const column of columns) {
      const difference = (column[a] ?? 0) - (column[b] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  const kept: number[] = [];
  // The uses of those kept in the current state lie side by side, because this is the inner loop of the whole search.
  const width = uses.length;
  const rows = new Float64Array(count * width);
  let rowCount = 0;
  for (const i of order) {
    if (state[kept.at(-1) ?? i] !== state[i]) rowCount = 0;
    const own = rowCount * width;
    for (let r = 0; r < width; r++) rows[own + r] = uses[r]?.[i] ?? 0;
    if (isDominated(rows, rowCount, width)) continue;
    kept.push(i);
    rowCount++;
  }
  return kept;
}

/** Whether one of the first `count` rows is nowhere above row `count`: those are no worse in objective and bits. */
function isDominated(rows: Float64Array, count: number, width: number): boolean {
  const own = count * width;
  // Of one constraint the last row has the least use.
  const first = width <= 1 ? Math.max(count - 1, 0) : 0;
  for (let at = count - 1; at >= first; at--) {
    let r = 0;
    while (r < width && (rows[at * width + r] ?? 0) <= (rows[own + r] ?? 0)) r++;
    if (r === width) return true;
  }
  return false;
}

/** Index of the label with the least objective and then the fewest bits; −1 where there is none. */
export function cheapest({ count, objective, bits }: Labels): number {
  let best = Math.min(count, 1) - 1;
  for (let i = 1; i < count; i++) {
    const more = (objective[i] ?? 0) - (objective[best] ?? 0) || (bits[i] ?? 0) - (bits[best] ?? 0);
    if (more < 0) best = i;
  }
  return best;
}

/** The labels at these indices, in this order. */
export function select(labels: Labels, indices: readonly number[]): Labels {
  const pick = (column: readonly number[]) => indices.map((i) => column[i] ?? 0);
  return {
    count: indices.length,
    state: pick(labels.state),
    parent: pick(labels.parent),
    entry: pick(labels.entry),
    objective: pick(labels.objective),
    bits: pick(labels.bits),
    uses: labels.uses.map(pick),
  };
}

/** The entries chosen at each stage up to label `index` of the last one. */
export function traceBack(
  history: readonly { readonly entry: readonly number[]; readonly parent: readonly number[] }[],
  index: number,
): number[] {
  const entries: number[] = [];
  let label = index;
  for (const { entry, parent } of history.toReversed()) {
    entries.unshift(entry[label] ?? 0);
    label = parent[label] ?? 0;
  }
  return entries;
}
