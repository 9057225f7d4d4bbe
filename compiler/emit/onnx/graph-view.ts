import type { OnnxScheme } from '../../ir/onnx-context.ts';
import { inferTypes } from './infer.ts';
import type { GraphProto, NodeProto } from './schema.ts';
import type { Shape, ValueType } from './value-type.ts';

/** What a graph is emitted for. */
export interface Target {
  readonly opset: number;
  readonly scheme: OnnxScheme;
}

/** A graph with what rewrites ask of it. */
export class GraphView {
  readonly graph: GraphProto;
  readonly target: Target;
  readonly #producers = new Map<string, NodeProto>();
  readonly #uses = new Map<string, number>();
  #types: ReadonlyMap<string, ValueType> | undefined;

  constructor(graph: GraphProto, target: Target) {
    this.graph = graph;
    this.target = target;
    for (const node of graph.node) {
      for (const name of node.output) this.#producers.set(name, node);
      for (const name of node.input) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    }
    for (const { name } of graph.output) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  producer(name: string | undefined): NodeProto | undefined {
    return name === undefined ? undefined : this.#producers.get(name);
  }

  /** Nodes and graph outputs that read a value. */
  uses(name: string): number {
    return this.#uses.get(name) ?? 0;
  }

  shape(name: string | undefined): Shape {
    this.#types ??= inferTypes(this.graph, this.target).types;
    return name === undefined ? undefined : this.#types.get(name)?.shape;
  }
}
