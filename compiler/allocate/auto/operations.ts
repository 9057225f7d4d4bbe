import type { CheckedSpec } from '../../check/checked-spec.ts';
import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { isQuantizer, siteName } from '../../ir/quantizers.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { elementBits } from '../../numeric/format.ts';
import { REGISTRY } from '../../ops/registry.ts';
import { bitOperations, bops, bytes, type Operation, type StoredTensor } from '../cost.ts';
import type { AllocationSite, Contribution } from '../problem.ts';

const VIEWS: ReadonlySet<OpName> = new Set([
  'reshape',
  'transpose',
  'slice',
  'pad',
  'stopGradient',
  'quantizeCotangent',
]);

/** What stands for a value that no site quantizes. */
const FLOAT: AllocationSite = { name: 'f32', levels: [32] };

/** The site whose quantizer a value comes from, seen through views; undefined where it is f32. */
export function siteOfValue(graph: Graph, value: Value): string | undefined {
  const node = nodeOf(graph, value);
  if (node.kind !== 'op') return undefined;
  const { name } = node.origin;
  if (isQuantizer(node.op)) return name && siteName(name);
  const [x] = node.operands;
  return VIEWS.has(node.op) && x !== undefined ? siteOfValue(graph, x) : undefined;
}

/**
 * The matrix products and convolutions of a step, and one multiplication an element of the update, each with the sites that its operands
 * come from. A site that is not among those given keeps the width that its plan says.
 */
export function operationsOf(
  program: TrainingProgram,
  sites: ReadonlyMap<string, AllocationSite>,
): readonly Operation[] {
  const graph = program.stepWithGradients;
  const fixed = new Map<string, AllocationSite>();
  const siteOf = (name: string | undefined): AllocationSite => {
    if (name === undefined) return FLOAT;
    const known = sites.get(name) ?? fixed.get(name);
    if (known !== undefined) return known;
    const element = program.plan.sites.get(name)?.format.element;
    const bits = element === undefined ? 32 : elementBits(element);
    const site = { name, levels: [bits] };
    fixed.set(name, site);
    return site;
  };
  const operations: Operation[] = [];
  graph.nodes.forEach((node) => {
    if (node.kind !== 'op') return;
    const macs = macsOf(graph, node as OpNode);
    if (macs === 0) return;
    const operands = node.operands.map((operand) => siteOf(siteOfValue(graph, operand)));
    operations.push({ name: `${node.origin.name ?? node.op} ${node.op}`, macs, operands });
  });
  for (const { name, role, shape } of program.tensors) {
    if (role !== 'parameter') continue;
    operations.push({ name: `${name} update`, macs: sizeOf(shape), operands: [siteOf(`${name}.stored`)] });
  }
  return operations;
}

function macsOf<K extends OpName>(graph: Graph, node: OpNode<K>): number {
  const types = node.operands.map((operand) => nodeOf(graph, operand).type);
  return REGISTRY[node.op].macs(types, node.attributes, node.type);
}

/** The cost that a spec asks for, as a sum over operations or stored tensors. */
export function costOf(
  spec: CheckedSpec,
  program: TrainingProgram,
  sites: ReadonlyMap<string, AllocationSite>,
): Contribution[] {
  const { cost } = spec.precision;
  const operations = operationsOf(program, sites);
  switch (cost.kind) {
    case 'bit_operations':
      return bitOperations(operations);
    case 'bops':
      return bops(operations);
    case 'bytes':
      return bytes(storedTensors(program, sites));
    case 'per_layer':
      return bitOperations(priced(operations, cost.costs));
  }
}

/** The price of one multiply–accumulate of a layer is 1 unless the spec says otherwise. */
function priced(operations: readonly Operation[], prices: ReadonlyMap<string, number>): readonly Operation[] {
  return operations.map((operation) => {
    const [path = ''] = operation.name.split(' ');
    const layer = [...prices.keys()].find((name) => path === name || path.startsWith(`${name}.`));
    const price = layer === undefined ? 1 : (prices.get(layer) ?? 1);
    return { ...operation, macs: operation.macs * price };
  });
}

/** The model as it is deployed: weights and biases at the width at which F reads them. */
function storedTensors(
  program: TrainingProgram,
  sites: ReadonlyMap<string, AllocationSite>,
): readonly StoredTensor[] {
  return program.tensors.flatMap(({ name, role, shape }) => {
    const site = sites.get(name);
    return role === 'parameter' && site !== undefined ? [{ name, elements: sizeOf(shape), site }] : [];
  });
}
