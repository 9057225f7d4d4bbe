import { type Graph, sizeOf } from './graph.ts';

export type Distribution = 'uniform' | 'normal';

/** One stream of noise that a graph reads, with the number of values it takes. */
export interface NoiseStream {
  readonly stream: string;
  readonly distribution: Distribution;
  readonly size: number;
}

/** The noise streams of a graph, each once, sorted by name. A stream has one distribution and one size. */
export function noiseStreams(graph: Graph): readonly NoiseStream[] {
  const streams = new Map<string, NoiseStream>();
  for (const node of graph.nodes) {
    if (node.kind !== 'op' || (node.op !== 'uniform' && node.op !== 'normal')) continue;
    const { stream, shape } = node.attributes;
    const found: NoiseStream = { stream, distribution: node.op, size: sizeOf(shape) };
    const known = streams.get(stream) ?? found;
    if (known.distribution !== found.distribution || known.size !== found.size) {
      throw new Error(`two kinds of noise are called '${stream}'`);
    }
    streams.set(stream, found);
  }
  return [...streams.values()].sort((a, b) => (a.stream < b.stream ? -1 : 1));
}

/** Values of the largest stream of a distribution, 0 where the graph reads none: what its pool is sized by. */
export function largestStream(streams: readonly NoiseStream[], distribution: Distribution): number {
  return Math.max(0, ...streams.filter((s) => s.distribution === distribution).map((s) => s.size));
}
