import type { Graph, OpNode, Phase, Value } from '../../../compiler/ir/graph.ts';
import { nodeOf } from '../../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../../compiler/ir/ndarray.ts';
import type { OpName } from '../../../compiler/ir/op-attributes.ts';
import { evaluateNode, type NoiseSource } from '../../../compiler/ops/evaluate.ts';
import { poolNoises } from '../../../compiler/ops/pool-noise.ts';
import { REGISTRY } from '../../../compiler/ops/registry.ts';
import type { Span } from '../../../compiler/source/source.ts';
import type { Engine, Executable, HostTensor, Tensors } from '../engine.ts';
import type { Allowance } from './allowance.ts';
import { type Comparison, compareResult, compareResults, type Flip, type Mismatch } from './compare.ts';
import { type OpGraph, opGraph } from './op-graph.ts';
import { ROUNDING } from './rounding.ts';

/** The tensor of a graph that a finding is about. */
export interface TensorPlace {
  readonly value: Value;
  readonly op: OpName;
  /** Name of the site or layer value that it stands for, else `%` with its value. */
  readonly name: string;
  readonly phase: Phase;
  readonly span: Span;
}

/** Findings in one tensor of one engine at one step. */
export interface FoundFlip extends Flip {
  readonly engine: string;
  readonly step: number;
  readonly tensor: TensorPlace;
}

export interface Divergence extends Mismatch {
  readonly engine: string;
  readonly step: number;
  readonly tensor: TensorPlace;
}

/** What one op did over all steps, in one engine or between two. */
export interface OpFigures {
  /** Elements compared. */
  readonly elements: number;
  /** The largest error as a fraction of the stated bound. */
  readonly largest: number;
  readonly flips: number;
  /** The largest distance of a flipped code from its tie as a fraction of the proved one. */
  readonly largestTie: number;
}

/** By op, by engine name; `a − b` are two engines against each other, within the sum of their bounds. */
export type OpTable = ReadonlyMap<OpName, ReadonlyMap<string, OpFigures>>;

interface LoadedEngine {
  readonly name: string;
  readonly executable: Executable;
}

/** What one op gives on operands that float32 holds. */
interface Expected {
  readonly exact: NdArray;
  readonly allowance: () => Allowance;
}

/**
 * Runs every op of a graph by itself in several engines, on the same operands: the values of a float64 evaluation that rounds each
 * result to float32, as memory does. Then compares each result with the exact one and the engines with each other.
 */
export class OpComparison {
  readonly #graph: Graph;
  readonly #ops: OpGraph;
  readonly #noise: (step: number) => NoiseSource;
  readonly #engines: readonly LoadedEngine[];
  readonly #table = new Map<OpName, Map<string, OpFigures>>();
  readonly flips: FoundFlip[] = [];
  /** The first tensor of each step and engine, in the order of the graph, that no rounding explains. */
  readonly divergences: Divergence[] = [];

  private constructor(graph: Graph, ops: OpGraph, seed: number, engines: readonly LoadedEngine[]) {
    this.#graph = graph;
    this.#ops = ops;
    this.#noise = poolNoises(graph, seed);
    this.#engines = engines;
  }

  static async create(graph: Graph, engines: readonly Engine[], seed: number): Promise<OpComparison> {
    const ops = opGraph(graph);
    const loaded: LoadedEngine[] = [];
    for (const engine of engines) {
      loaded.push({ name: engine.name, executable: await engine.load(ops.graph, { seed }) });
    }
    return new OpComparison(graph, ops, seed, loaded);
  }

  get table(): OpTable {
    return this.#table;
  }

  /** One step from the inputs of the original graph. */
  async compare(inputs: Tensors, step: number): Promise<void> {
    const { operands, expected } = this.#reference(inputs, step);
    const results: (readonly [string, Tensors])[] = [];
    for (const { name, executable } of this.#engines) {
      results.push([name, await executable.run(operands, step)]);
    }
    const diverged = new Set<string>();
    for (const [value, output] of this.#ops.outputs) {
      const reference = expected.get(value);
      if (!reference) throw new Error(`value %${value} was not evaluated`);
      const { exact } = reference;
      const allowance = reference.allowance();
      const tensor = placeOf(this.#graph, value);
      const found = results.map(([engine, outputs]) => ({ engine, data: dataOf(outputs, output) }));
      for (const { engine, data } of found) {
        const comparison = compareResult(data, exact, allowance);
        this.#count(tensor.op, engine, exact.data.length, comparison);
        for (const flip of comparison.flips) this.flips.push({ ...flip, engine, step, tensor });
        if (comparison.mismatch && !diverged.has(engine)) {
          diverged.add(engine);
          this.divergences.push({ ...comparison.mismatch, engine, step, tensor });
        }
      }
      const [first, second] = found;
      if (first && second) {
        const between = compareResults(first.data, second.data, allowance);
        this.#count(tensor.op, `${first.engine} − ${second.engine}`, exact.data.length, between);
      }
    }
  }

  async dispose(): Promise<void> {
    for (const { executable } of this.#engines) await executable.dispose();
  }

  /** What to feed to the ops, and what they must give. */
  #reference(inputs: Tensors, step: number) {
    const given = new Map([...inputs].map(([name, { shape, data }]) => [name, ndarray(shape, data)]));
    const noise = this.#noise(step);
    const values: NdArray[] = [];
    const operandOf = (value: Value): NdArray => values[value] ?? missing(value);
    const operands = new Map<string, HostTensor>();
    const expected = new Map<Value, Expected>();
    this.#graph.nodes.forEach((node, value) => {
      const exact = evaluateNode(node, operandOf, given, noise);
      const held = new Float32Array(exact.data);
      values.push({ shape: exact.shape, data: new Float64Array(held) });
      const input = this.#ops.inputs.get(value);
      if (input !== undefined) operands.set(input, hostTensor(node.type.dtype, exact, held));
      if (node.kind !== 'op') return;
      const allowance = () => allowanceOf(node as OpNode, node.operands.map(operandOf), exact, noise);
      expected.set(value, { exact, allowance });
    });
    return { operands, expected };
  }

  #count(op: OpName, subject: string, elements: number, { largest, flips }: Comparison): void {
    const subjects = this.#table.get(op) ?? new Map<string, OpFigures>();
    const known = subjects.get(subject) ?? { elements: 0, largest: 0, flips: 0, largestTie: 0 };
    this.#table.set(op, subjects);
    subjects.set(subject, {
      elements: known.elements + elements,
      largest: Math.max(known.largest, largest),
      flips: known.flips + flips.length,
      largestTie: flips.reduce(
        (most, { distance, proved }) => Math.max(most, distance / proved),
        known.largestTie,
      ),
    });
  }
}

/** The allowance of one op on operands that float32 holds. */
export function allowanceOf<K extends OpName>(
  node: OpNode<K>,
  operands: readonly NdArray[],
  exact: NdArray,
  noise: NoiseSource,
): Allowance {
  const { attributes, type } = node;
  const evaluate = (others: readonly NdArray[]) =>
    REGISTRY[node.op].evaluate({ attributes, operands: others, type, noise });
  return ROUNDING[node.op]({ attributes, operands, exact, evaluate });
}

function placeOf(graph: Graph, value: Value): TensorPlace {
  const node = nodeOf(graph, value);
  if (node.kind !== 'op') throw new Error(`value %${value} is no op`);
  const { phase, span, name = `%${value}` } = node.origin;
  return { value, op: node.op, name, phase, span };
}

function hostTensor(dtype: HostTensor['dtype'], { shape, data }: NdArray, held: Float32Array): HostTensor {
  return dtype === 'i32' ? { dtype, shape, data: Int32Array.from(data) } : { dtype, shape, data: held };
}

function dataOf(tensors: Tensors, name: string): ArrayLike<number> {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`an engine gave no '${name}'`);
  return tensor.data;
}

function missing(value: Value): never {
  throw new Error(`value %${value} is read before it is computed`);
}
