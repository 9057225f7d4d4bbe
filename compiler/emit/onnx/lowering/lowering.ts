import type { AnyOpNode, Graph, OpNode, TensorType, Value } from '../../../ir/graph.ts';
import type { OnnxAttribute, OnnxContext, OnnxType } from '../../../ir/onnx-context.ts';
import type { OpAttributes, OpName } from '../../../ir/op-attributes.ts';
import { REGISTRY } from '../../../ops/registry.ts';
import type { GraphWriter } from '../graph-writer.ts';
import type { NoiseInputs } from '../noise-inputs.ts';
import type { Rewrites } from '../rewrites/table.ts';
import { Values } from './values.ts';

/** What a registry rule reads and gives, where it is applied to other tensors than the IR's. */
export interface Operands<K extends OpName> {
  readonly names: readonly string[];
  readonly types: readonly TensorType[];
  readonly type: TensorType;
  readonly attributes: OpAttributes[K];
}

/** Sums of products of codes as f32 `[C, H, W, N]`, and the scales `[C, 1, 1, 1]` that make them a value. */
export interface IntegerSums {
  readonly sums: string;
  readonly factors: string;
}

/** The writing of a training step in which values may lie otherwise than in the IR: what its rules share. */
export class Lowering {
  readonly graph: Graph;
  readonly values: Values;
  readonly writer: GraphWriter;
  readonly #switches: Rewrites;
  readonly #noise: NoiseInputs;
  /** Channels of a block in onnxruntime's own convolutions, where they may be written. */
  readonly block: number | undefined;
  /** By value, the nodes that read it. */
  readonly #users = new Map<Value, AnyOpNode[]>();
  /** What rules have made once and may share, by keys of their own. */
  readonly made = new Map<string, string>();
  /** Values that are products of integers. */
  readonly integer = new Map<Value, IntegerSums>();
  /** Values whose ops multiply integers. */
  readonly inIntegers = new Set<Value>();
  #stem = '';

  constructor(graph: Graph, writer: GraphWriter, noise: NoiseInputs, switches: Rewrites, block?: number) {
    this.graph = graph;
    this.writer = writer;
    this.values = new Values(graph, writer);
    this.#noise = noise;
    this.#switches = switches;
    this.block = block;
    for (const node of graph.nodes) {
      if (node.kind !== 'op') continue;
      for (const operand of new Set(node.operands)) {
        const users = this.#users.get(operand);
        if (users) users.push(node);
        else this.#users.set(operand, [node]);
      }
    }
  }

  /** Whether a rewrite is on. */
  uses(name: keyof Rewrites): boolean {
    return this.#switches[name] !== false;
  }

  usersOf(value: Value): readonly AnyOpNode[] {
    return this.#users.get(value) ?? [];
  }

  /** Names what is written in `body`. */
  at<T>(stem: string, body: () => T): T {
    const before = this.#stem;
    this.#stem = stem;
    try {
      return body();
    } finally {
      this.#stem = before;
    }
  }

  readonly op = (
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = '',
  ): string => this.writer.node(this.#stem, opType, inputs, attributes, domain);

  readonly constant = (
    type: OnnxType,
    data: number | readonly number[],
    shape?: readonly number[],
  ): string =>
    typeof data === 'number'
      ? this.writer.constant(type, [data], shape ?? [])
      : this.writer.constant(type, data, shape ?? [data.length]);

  reshape(name: string, shape: readonly number[]): string {
    return this.op('Reshape', [name, this.constant('int64', shape)]);
  }

  /** The uniform noise of a stream, moved to be symmetric around 0. */
  centeredNoise(stream: string, shape: readonly number[]): string {
    return this.#noise.read('uniform', stream, shape, true);
  }

  /** `make()`, once for each key. */
  once(key: string, make: () => string): string {
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const name = make();
    this.made.set(key, name);
    return name;
  }

  /** The registry's own rule on other tensors. */
  registryRule<K extends OpName>(node: OpNode<K>, { names, types, type, attributes }: Operands<K>): string {
    const context: OnnxContext<K> = {
      attributes,
      operands: names,
      operandTypes: types,
      type,
      scheme: 'arithmetic',
      op: this.op,
      constant: this.constant,
      noise: (distribution, stream, shape) => this.#noise.read(distribution, stream, shape, false),
      quantizeDequantize: () => undefined,
      dequantizeInitializer: () => undefined,
    };
    return REGISTRY[node.op].onnx(context);
  }

  /** The node as the IR has it. */
  plainly<K extends OpName>(node: OpNode<K>, value: Value): void {
    const name = this.registryRule(node, {
      names: node.operands.map((v) => this.values.plain(v)),
      types: node.operands.map((v) => this.values.typeOf(v)),
      type: node.type,
      attributes: node.attributes,
    });
    this.values.setPlain(value, name);
  }
}

/** Writes a node otherwise than the registry does; false where it does not and nothing was written. */
export type LoweringRule<K extends OpName> = (lowering: Lowering, node: OpNode<K>, value: Value) => boolean;
