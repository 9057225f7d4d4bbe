import type { Graph } from '../../ir/graph.ts';
import { lookup } from '../../lower/lookup.ts';
import type { ProbeTensor, ProbeTensors } from './contract.ts';
import type { Pass } from './pass.ts';
import { signs } from './signs.ts';
import type { PoolPairs } from './switches.ts';

/** A quantity's cotangent: random signs on some targets, or on differences of pairs of one. */
export interface Cotangent {
  readonly target: string;
  readonly shape: readonly number[];
  /** One sign a pair instead: plus at its winner, minus at its loser. */
  readonly pairs?: PoolPairs;
}

/** Places whose squared adjoints are wanted by pair: of the difference between loser and winner. */
export type PairPlaces = ReadonlyMap<string, PoolPairs>;

/**
 * Mean squared adjoint of every point over passes of random signs u: `E[(Jᵀu)_j²] = ‖J_·j‖²` (Hutchinson's estimator of the diagonal of
 * JJᵀ's transpose, Bekas et al. 2007), so that `Σ_j σ_j²·E[(Jᵀu)_j²]` is the variance that independent roundings cause, for
 * any σ.
 */
export async function squaredAdjoints(
  graph: Graph,
  shapes: ReadonlyMap<string, readonly number[]>,
  cotangents: readonly Cotangent[],
  pass: Pass,
  options: {
    readonly passes: number;
    readonly seed: number;
    readonly stream: string;
    readonly pairs?: PairPlaces;
  },
): Promise<ReadonlyMap<string, Float32Array>> {
  const sums = new Map<string, Float32Array>();
  for (let i = 0; i < options.passes; i++) {
    const given = new Map<string, ProbeTensor>(
      [...shapes].map(([name, shape]) => [
        `cotangent:${name}`,
        { shape, data: new Float32Array(sizeOf(shape)) },
      ]),
    );
    for (const cotangent of cotangents) {
      const data = draw(cotangent, `${options.stream} ${cotangent.target}`, options.seed, i);
      given.set(`cotangent:${cotangent.target}`, { shape: cotangent.shape, data });
    }
    const result: ProbeTensors = await pass.run(graph, given);
    for (const { name } of graph.outputs) {
      const { data } = lookup(result, name);
      const pairs = options.pairs?.get(name);
      const size = pairs ? pairs.winner.length : data.length;
      const sum = sums.get(name) ?? new Float32Array(size);
      sums.set(name, sum);
      for (let j = 0; j < size; j++) {
        const a = pairs
          ? (data[pairs.loser[j] ?? 0] ?? 0) - (data[pairs.winner[j] ?? 0] ?? 0)
          : (data[j] ?? 0);
        sum[j] = (sum[j] ?? 0) + (a * a) / options.passes;
      }
    }
  }
  return sums;
}

function draw(cotangent: Cotangent, stream: string, seed: number, pass: number): Float32Array {
  const { shape, pairs } = cotangent;
  if (!pairs) return signs(seed, stream, pass, sizeOf(shape));
  const data = new Float32Array(sizeOf(shape));
  signs(seed, stream, pass, pairs.winner.length).forEach((sign, j) => {
    const [w, l] = [pairs.winner[j] ?? 0, pairs.loser[j] ?? 0];
    data[w] = (data[w] ?? 0) + sign;
    data[l] = (data[l] ?? 0) - sign;
  });
  return data;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
