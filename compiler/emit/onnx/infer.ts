import { dataTypeName } from './data-types.ts';
import { type Call, Mismatch, type Operator } from './operators/call.ts';
import { operatorOf } from './operators.ts';
import { ATTRIBUTE_TYPES, type GraphProto, type NodeProto, type TensorProto } from './schema.ts';
import { tensorValues } from './tensor-data.ts';
import { declaredType, UNKNOWN, type ValueType } from './value-type.ts';

export interface Inferred {
  /** The type of every value, in the order in which they come to be. */
  readonly types: ReadonlyMap<string, ValueType>;
  /** What breaks an operator's rules, a sentence each. */
  readonly problems: readonly string[];
}

export interface InferOptions {
  /** Version of the default domain that the model imports. */
  readonly opset: number;
  /** Whether operators that are not known here are let pass; their results are unknown. */
  readonly foreign?: boolean;
}

/** Types and shapes of all values of a graph, from its inputs and initializers on. */
export function inferTypes(graph: GraphProto, options: InferOptions): Inferred {
  const types = new Map<string, ValueType>();
  const tensors = new Map<string, TensorProto>();
  const problems: string[] = [];
  for (const value of graph.input) types.set(value.name, declaredType(value.type?.tensorType));
  for (const tensor of graph.initializer) {
    tensors.set(tensor.name, tensor);
    types.set(tensor.name, { type: dataTypeName(tensor.dataType), shape: tensor.dims });
  }
  for (const node of graph.node) {
    const tensor = constantTensor(node);
    const [output] = node.output;
    if (tensor !== undefined && output !== undefined) tensors.set(output, tensor);
    const results = inferNode(node, types, tensors, options, problems);
    node.output.forEach((name, i) => {
      if (name !== '') types.set(name, results[i] ?? UNKNOWN);
    });
  }
  return { types, problems };
}

function inferNode(
  node: NodeProto,
  types: ReadonlyMap<string, ValueType>,
  tensors: ReadonlyMap<string, TensorProto>,
  options: InferOptions,
  problems: string[],
): readonly ValueType[] {
  const operator = operatorOf(node.domain ?? '', node.opType);
  if (operator === undefined) {
    if (!options.foreign) problems.push(`${describe(node)}: the operator is not known`);
    return [];
  }
  const call: Call = {
    node,
    opset: options.opset,
    inputs: node.input.map((name) => (name === '' ? undefined : (types.get(name) ?? UNKNOWN))),
    values: (index) => {
      const tensor = tensors.get(node.input[index] ?? '');
      return tensor && tensorValues(tensor);
    },
    tensorAttribute: (name) => node.attribute.find((a) => a.name === name)?.t,
  };
  try {
    checkSignature(node, operator, options);
    const results = operator.infer(call);
    if (node.output.length > results.length) {
      throw new Mismatch(`${node.output.length} outputs, the operator has ${results.length}`);
    }
    return results;
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    problems.push(`${describe(node)}: ${error.message}`);
    return [];
  }
}

/** Version, arity and attributes; of a foreign model's older opsets only the arity is known. */
function checkSignature(node: NodeProto, operator: Operator, options: InferOptions): void {
  const [least, most] = operator.inputs;
  const count = node.input.length;
  if (count < least || count > most) {
    throw new Mismatch(
      `${count} inputs, the operator takes ${least === most ? least : `${least} to ${most}`}`,
    );
  }
  if (options.foreign) return;
  const since = operator.since ?? 13;
  if (options.opset < since) throw new Mismatch(`needs opset ${since}, the model imports ${options.opset}`);
  for (const attribute of node.attribute) {
    const declared = Object.hasOwn(operator.attributes, attribute.name)
      ? operator.attributes[attribute.name]
      : undefined;
    if (declared === undefined) throw new Mismatch(`the operator has no attribute '${attribute.name}'`);
    const kind = declared.replace('!', '') as keyof typeof ATTRIBUTE_TYPES;
    if (attribute.type !== ATTRIBUTE_TYPES[kind]) {
      throw new Mismatch(`attribute '${attribute.name}' has type ${attribute.type}, must be ${kind}`);
    }
  }
  for (const [name, declared] of Object.entries(operator.attributes)) {
    if (declared.endsWith('!') && !node.attribute.some((a) => a.name === name)) {
      throw new Mismatch(`attribute '${name}' is missing`);
    }
  }
}

/** The value of a Constant node that holds a tensor. */
function constantTensor(node: NodeProto): TensorProto | undefined {
  return node.opType === 'Constant' ? node.attribute.find((a) => a.name === 'value')?.t : undefined;
}

export function describe(node: NodeProto): string {
  return `node '${node.name || (node.output[0] ?? '')}' (${node.opType})`;
}
