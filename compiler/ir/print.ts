import { elementName } from '../numeric/format.ts';
import type { Graph, Node, TensorType } from './graph.ts';

/**
 * A graph as text, one value a line with its phase and readable name:
 *
 *     %7 F c1.weights: f32[16,1,3,3] = quantize %0, %6 {element: int8}
 */
export function printGraph(graph: Graph): string {
  const lines = graph.nodes.map((node, value) => {
    const name = node.origin.name === undefined ? '' : ` ${node.origin.name}`;
    return `  %${value} ${node.origin.phase}${name}: ${printType(node.type)} = ${printRight(node)}`;
  });
  const outputs = graph.outputs.map(({ name, value }) => `  ${name} = %${value}`);
  return [`graph ${graph.name}`, ...lines, 'outputs', ...outputs, ''].join('\n');
}

export function printType({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(',')}]`;
}

function printRight(node: Node): string {
  switch (node.kind) {
    case 'input':
      return `${node.role} ${node.input}`;
    case 'constant':
      return `constant ${node.data.length > 8 ? `${node.data.length} numbers` : node.data.join(', ')}`;
    case 'op': {
      const operands = node.operands.map((v) => `%${v}`).join(', ');
      const attributes = Object.entries(node.attributes).map(
        ([key, value]) => `${key}: ${printAttribute(key, value)}`,
      );
      const right = attributes.length === 0 ? '' : `{${attributes.join(', ')}}`;
      return [node.op, operands, right].filter((part) => part !== '').join(' ');
    }
  }
}

/** Attribute values as JSON, but an element by its name. */
function printAttribute(key: string, value: unknown): string {
  return key === 'element' ? elementName(value as Parameters<typeof elementName>[0]) : JSON.stringify(value);
}
