import type { OnnxScheme } from '../../ir/onnx-context.ts';
import { inferTypes } from './infer.ts';
import type { GraphProto, NodeProto } from './schema.ts';
import type { Shape, ValueType } from './value-type.ts';

/** What a graph is emitted for. */
export interface Target {
  readonly opset: number;
  readonly scheme: OnnxScheme;
}

/** A graph with what rewrites ask of it, found when it is asked for. */
export class GraphView {
  readonly graph: GraphProto;
  readonly target: Target;
  #producers: Map<string, NodeProto> | undefined;
  #uses: Map<string, number> | undefined;
  #types: ReadonlyMap<string, ValueType> | undefined;

  constructor(graph: GraphProto, target: Target) {
    this.graph = graph;
    this.target = target;
  }

  /** The view of a graph that a rewrite made of this one: what is left of its values has the types that it had. */
  of(graph: GraphProto): GraphView {
    if (graph === this.graph) return this;
    const view = new GraphView(graph, this.target);
    view.#types = this.#types;
    return view;
  }

  producer(name: string | undefined): NodeProto | undefined {
    this.#producers ??= producersOf(this.graph);
    return name === undefined ? undefined : this.#producers.get(name);
  }

  /** Nodes and graph outputs that read a value. */
  uses(name: string): number {
    this.#uses ??= usesOf(this.graph);
    return this.#uses.get(name) ?? 0;
  }

  shape(name: string | undefined): Shape {
    this.#types ??= inferTypes(this.graph, this.target).types;
    return name === undefined ? undefined : this.#types.get(name)?.shape;
  }
}

function producersOf(graph: GraphProto): Map<string, NodeProto> {
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) producers.set(name, node);
  return producers;
}

function usesOf(graph: GraphProto): Map<string, number> {
  const uses = new Map<string, number>();
  const count = (name: string) => uses.set(name, (uses.get(name) ?? 0) + 1);
  for (const node of graph.node) for (const name of node.input) count(name);
  for (const { name } of graph.output) count(name);
  return uses;
}
