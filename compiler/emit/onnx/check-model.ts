import { bitsOf, DATA_TYPES, dataTypeName } from './data-types.ts';
import { describe, inferTypes } from './infer.ts';
import type { GraphProto, ModelProto, ValueInfoProto } from './schema.ts';
import { tensorProblem } from './tensor-data.ts';
import { declaredType, printType, shapesAgree, type ValueType } from './value-type.ts';

/** The IR version from which a model may import an opset of the default domain. */
const IR_OF_OPSET: readonly (readonly [opset: number, irVersion: number])[] = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [20, 9],
  [19, 9],
  [15, 8],
  [13, 7],
];

/** The least IR version that goes with an opset. */
export function irVersionOf(opset: number): number {
  return IR_OF_OPSET.find(([from]) => opset >= from)?.[1] ?? 3;
}

export interface CheckOptions {
  /** For models of others: operators of other domains and unknown ones pass, older opsets are not held against it. */
  readonly foreign?: boolean;
}

/**
 * What is wrong with a model, a sentence each; none where a runtime may be trusted with it. Runtimes accept unsorted
 * nodes and wrong declared shapes, so this is asked of every model that QSpec writes or reads:
 *
 * - versions fit each other and the element types in use;
 * - names are unique, every input is defined before it is read;
 * - initializers hold exactly their data;
 * - each node has the inputs and attributes that its operator takes, and types and shapes follow from each other up
 *   to the declared ones;
 * - no output has elements of less than a byte: onnxruntime 1.30 ends the process on them.
 */
export function checkModel(model: ModelProto, options: CheckOptions = {}): readonly string[] {
  const { graph } = model;
  const opset = model.opsetImport.find((o) => o.domain === '' || o.domain === 'ai.onnx')?.version;
  if (opset === undefined) return ['the model imports no version of the default operator set'];
  const problems = [
    ...(graph.output.length === 0 ? ['the graph has no outputs'] : []),
    ...nameProblems(graph),
    ...initializerProblems(graph),
  ];
  if (!options.foreign && model.irVersion < irVersionOf(opset)) {
    problems.push(
      `opset ${opset} needs IR version ${irVersionOf(opset)}, the model states ${model.irVersion}`,
    );
  }
  const inferred = inferTypes(graph, { opset, foreign: options.foreign ?? false });
  problems.push(...inferred.problems);
  problems.push(...versionProblems(model.irVersion, opset, inferred.types));
  for (const { name } of graph.output) {
    const type = inferred.types.get(name)?.type;
    if (type !== undefined && bitsOf(type) < 8)
      problems.push(`the output '${name}' is ${type}, which onnxruntime cannot return`);
  }
  for (const value of graph.input) problems.push(...inputProblems(value));
  for (const value of [...graph.output, ...graph.valueInfo]) {
    const found = inferred.types.get(value.name);
    if (found !== undefined) problems.push(...declarationProblems(value, found));
  }
  return problems;
}

function nameProblems(graph: GraphProto): string[] {
  const problems: string[] = [];
  const defined = new Set<string>();
  const define = (name: string, what: string): void => {
    if (name === '') problems.push(`${what} has no name`);
    else if (defined.has(name)) problems.push(`'${name}' is defined twice`);
    defined.add(name);
  };
  for (const value of graph.input) define(value.name, 'an input');
  const inputs = new Set(defined);
  for (const tensor of graph.initializer) {
    // An initializer may give the default of an input of the same name (IR version 3).
    if (!inputs.has(tensor.name)) define(tensor.name, 'an initializer');
  }
  const nodes = new Set<string>();
  const computed = new Set(graph.node.flatMap((n) => n.output));
  for (const node of graph.node) {
    if (node.name !== '' && nodes.has(node.name)) problems.push(`two nodes are named '${node.name}'`);
    nodes.add(node.name);
    for (const name of node.input) {
      if (name === '' || defined.has(name)) continue;
      problems.push(
        `${describe(node)} reads '${name}', which is ${computed.has(name) ? 'computed later' : 'not defined'}`,
      );
    }
    for (const name of node.output) if (name !== '') define(name, describe(node));
  }
  const outputs = new Set<string>();
  for (const { name } of graph.output) {
    if (!defined.has(name)) problems.push(`the output '${name}' is not defined`);
    if (outputs.has(name)) problems.push(`two outputs are named '${name}'`);
    outputs.add(name);
  }
  return problems;
}

function initializerProblems(graph: GraphProto): string[] {
  const tensors = [
    ...graph.initializer,
    ...graph.node.flatMap((n) => n.attribute.flatMap((a) => (a.t === undefined ? [] : [a.t]))),
  ];
  return tensors.flatMap((t) => tensorProblem(t) ?? []);
}

function versionProblems(irVersion: number, opset: number, types: ReadonlyMap<string, ValueType>): string[] {
  const used = new Set([...types.values()].flatMap((t) => t.type ?? []));
  return [...used].flatMap((name) => {
    const needs = DATA_TYPES[name];
    return needs.opset > opset || needs.irVersion > irVersion
      ? [
          `${name} needs opset ${needs.opset} and IR version ${needs.irVersion}, the model has ${opset} and ${irVersion}`,
        ]
      : [];
  });
}

function inputProblems(value: ValueInfoProto): string[] {
  const type = value.type?.tensorType;
  if (type === undefined) return [`the input '${value.name}' declares no tensor type`];
  if (dataTypeName(type.elemType) === undefined) {
    return [`the input '${value.name}' has element type ${type.elemType}, which is not supported`];
  }
  const negative = type.shape?.dim.some((d) => (d.dimValue ?? 0) < 0) === true;
  return negative ? [`the input '${value.name}' is declared ${printType(declaredType(type))}`] : [];
}

/** A declaration must agree with what follows from the nodes, symbols included. */
function declarationProblems(value: ValueInfoProto, found: ValueType): string[] {
  const declared = declaredType(value.type?.tensorType);
  const sameType = declared.type === undefined || found.type === undefined || declared.type === found.type;
  if (sameType && shapesAgree(declared.shape, found.shape)) return [];
  return [`'${value.name}' is declared ${printType(declared)} but is ${printType(found)}`];
}
