import {
  type FileGraph,
  type FileNode,
  INTEGER_TYPES,
  readOnnxFile,
  type StoredTensor,
} from './onnx-file.ts';
import { LIMITS, OPERATORS } from './operators.ts';
import type { AccumulationProof } from './products.ts';
import { exact, type Value } from './value.ts';

/** What one pass over a model computed. */
export interface Interpretation {
  /** By tensor name: every output of a QuantizeLinear and every graph output. */
  readonly values: ReadonlyMap<string, Value>;
  /** One entry per convolution or matrix product. */
  readonly proofs: readonly AccumulationProof[];
}

export interface Interpreter {
  readonly graph: FileGraph;
  /**
   * Evaluates the model on `inputs`. Where `codes` has the output of a QuantizeLinear, later nodes read those codes in
   * place of the computed ones, so that each layer is compared on the same incoming codes.
   */
  run(inputs: ReadonlyMap<string, Value>, codes?: ReadonlyMap<string, Int32Array>): Interpretation;
}

/** Operators that the interpreter evaluates; a model with another one cannot be verified by it. */
export function unsupportedOperators(graph: FileGraph): readonly string[] {
  const names = graph.nodes.flatMap((node) => {
    if (!OPERATORS.has(node.op)) return [node.op];
    const to = node.attributes.get('to')?.int;
    return node.op === 'Cast' && !(to !== undefined && INTEGER_TYPES.has(to)) ? ['Cast to a float type'] : [];
  });
  return [...new Set(names)].sort();
}

/** An interpreter of exported QDQ models that sums integer codes: its own way from the file's bytes to every code and logit. */
export function createInterpreter(bytes: Uint8Array): Interpreter {
  const graph = readOnnxFile(bytes);
  const constants = new Map([...graph.initializers].map(([name, tensor]) => [name, stored(tensor)]));
  return { graph, run: (inputs, codes) => run(graph, constants, inputs, codes ?? new Map()) };
}

function stored(tensor: StoredTensor): Value {
  if (tensor.type === 'float') return exact(tensor.shape, tensor.data);
  const data = Int32Array.from(tensor.data);
  const range = [data.reduce((a, b) => Math.min(a, b), 0), data.reduce((a, b) => Math.max(a, b), 0)] as const;
  const codes = { data, scale: Float64Array.of(1), axis: 0, range };
  const value = { ...exact(tensor.shape, tensor.data), codes };
  LIMITS.set(value, tensor.limits);
  return value;
}

function run(
  graph: FileGraph,
  constants: ReadonlyMap<string, Value>,
  inputs: ReadonlyMap<string, Value>,
  given: ReadonlyMap<string, Int32Array>,
): Interpretation {
  const values = new Map([...constants, ...inputs]);
  const kept = new Map<string, Value>();
  const proofs: AccumulationProof[] = [];
  const remaining = readersOf(graph);
  for (const node of graph.nodes) {
    const [name = ''] = node.outputs;
    const value = evaluate(node, values, proofs);
    if (node.op === 'QuantizeLinear' || graph.outputs.includes(name)) kept.set(name, value);
    const codes = node.op === 'QuantizeLinear' ? given.get(name) : undefined;
    values.set(name, codes && value.codes ? { ...value, codes: { ...value.codes, data: codes } } : value);
    for (const read of node.inputs) {
      const left = (remaining.get(read) ?? 0) - 1;
      remaining.set(read, left);
      if (left === 0) values.delete(read);
    }
  }
  return { values: kept, proofs };
}

function evaluate(node: FileNode, values: ReadonlyMap<string, Value>, proofs: AccumulationProof[]): Value {
  const operator = OPERATORS.get(node.op);
  if (!operator) throw new Error(`the interpreter has no operator '${node.op}'`);
  const operands = node.inputs.map((name) => {
    const value = values.get(name);
    if (name !== '' && !value)
      throw new Error(`${node.op} '${node.name}' reads '${name}' before it is computed`);
    return value;
  });
  return operator(node, operands, proofs);
}

function readersOf(graph: FileGraph): Map<string, number> {
  const readers = new Map<string, number>();
  for (const name of [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs]) {
    readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  return readers;
}
