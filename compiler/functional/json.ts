import { type BoundJson, boundFromJson, boundToJson } from '../numeric/bound.ts';
import { FunctionalBuilder } from './builder.ts';
import type { Functional, FunctionalNode, NodeId } from './functional.ts';
import { OPERATIONS, type OperationName } from './operations.ts';
import { areSteps, type Step } from './step.ts';

/** A functional as JSON, exactly: a node names its operands by their places in `nodes`, all of them earlier. */
export interface FunctionalJson {
  readonly inputs: readonly string[];
  readonly nodes: readonly NodeJson[];
  readonly outputs: readonly (readonly [name: string, node: NodeId])[];
}

export type NodeJson =
  | readonly ['input', string]
  | readonly ['constant', BoundJson]
  | readonly [OperationName, ...NodeId[]]
  | readonly ['step', NodeId, readonly (readonly [at: BoundJson, level: BoundJson])[]];

export function functionalToJson({ inputs, nodes, outputs }: Functional): FunctionalJson {
  return {
    inputs,
    nodes: nodes.map(nodeToJson),
    outputs: outputs.map(({ name, node }) => [name, node]),
  };
}

function nodeToJson(node: FunctionalNode): NodeJson {
  switch (node.kind) {
    case 'input':
      return ['input', node.name];
    case 'constant':
      return ['constant', boundToJson(node.value)];
    case 'operation':
      return [node.operation, ...node.operands];
    case 'step':
      return ['step', node.operand, node.steps.map(({ at, level }) => [boundToJson(at), boundToJson(level)])];
  }
}

/** The functional that JSON holds, in canonical form; else what is wrong with it, for JSON that comes from outside. */
export function functionalFromJson(
  json: unknown,
): { readonly functional: Functional } | { readonly problem: string } {
  if (!isRecord(json)) return { problem: 'it is not an object' };
  const { inputs, nodes, outputs } = json;
  if (!Array.isArray(inputs) || !inputs.every(isString) || !areDistinct(inputs)) {
    return { problem: 'its inputs are not distinct names' };
  }
  if (!Array.isArray(nodes)) return { problem: 'its nodes are not a list' };
  const builder = new FunctionalBuilder(inputs);
  const names = new Set(inputs);
  const ids: NodeId[] = [];
  for (const node of nodes) {
    const id = nodeFromJson(node, builder, names, ids);
    if (id === undefined) return { problem: `its node ${ids.length} is malformed` };
    ids.push(id);
  }
  const named = Array.isArray(outputs) ? outputs.map((output) => outputFromJson(output, ids)) : [undefined];
  if (!named.every((output) => output !== undefined) || !areDistinct(named.map(([name]) => name))) {
    return { problem: 'its outputs are not distinct names of nodes' };
  }
  return { functional: builder.build(named) };
}

function nodeFromJson(
  json: unknown,
  builder: FunctionalBuilder,
  inputs: ReadonlySet<string>,
  earlier: readonly NodeId[],
): NodeId | undefined {
  if (!Array.isArray(json)) return undefined;
  const [kind, ...rest]: unknown[] = json;
  const [first, second] = rest;
  if (kind === 'input') {
    return isString(first) && rest.length === 1 && inputs.has(first) ? builder.input(first) : undefined;
  }
  if (kind === 'constant') {
    const value = rest.length === 1 ? boundFromJson(first) : undefined;
    return value && builder.constant(value);
  }
  if (kind === 'step') {
    const operand = earlierNode(first, earlier);
    const steps = rest.length === 2 ? stepsFromJson(second) : undefined;
    return operand === undefined || steps === undefined ? undefined : builder.step(operand, steps);
  }
  if (!isOperation(kind)) return undefined;
  const operands = rest.map((operand) => earlierNode(operand, earlier));
  const enough = OPERATIONS[kind].arity === 'one' ? operands.length === 1 : operands.length > 1;
  return enough && operands.every((id) => id !== undefined) ? builder.operation(kind, operands) : undefined;
}

function stepsFromJson(json: unknown): readonly Step[] | undefined {
  if (!Array.isArray(json) || json.length === 0) return undefined;
  const steps: Step[] = [];
  for (const step of json) {
    if (!Array.isArray(step) || step.length !== 2) return undefined;
    const [at, level] = [boundFromJson(step[0]), boundFromJson(step[1])];
    if (at === undefined || level === undefined) return undefined;
    steps.push({ at, level });
  }
  return areSteps(steps) ? steps : undefined;
}

function outputFromJson(json: unknown, ids: readonly NodeId[]): readonly [string, NodeId] | undefined {
  if (!Array.isArray(json) || json.length !== 2 || !isString(json[0])) return undefined;
  const id = earlierNode(json[1], ids);
  return id === undefined ? undefined : [json[0], id];
}

function earlierNode(json: unknown, ids: readonly NodeId[]): NodeId | undefined {
  return typeof json === 'number' ? ids[json] : undefined;
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isString(json: unknown): json is string {
  return typeof json === 'string';
}

function isOperation(kind: unknown): kind is OperationName {
  return isString(kind) && Object.hasOwn(OPERATIONS, kind);
}

function areDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
