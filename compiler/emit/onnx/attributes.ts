import type { OnnxAttribute } from '../../ir/onnx-context.ts';
import { DATA_TYPES } from './data-types.ts';
import { ATTRIBUTE_TYPES, type AttributeProto, type NodeProto } from './schema.ts';

/** The attribute of a node as the rules of the op registry write it. */
export function makeAttribute(name: string, value: OnnxAttribute): AttributeProto {
  if (typeof value === 'string')
    return { name, type: ATTRIBUTE_TYPES.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === 'number') {
    return Number.isInteger(value)
      ? { name, type: ATTRIBUTE_TYPES.INT, i: value }
      : { name, type: ATTRIBUTE_TYPES.FLOAT, f: value };
  }
  if ('float' in value) return { name, type: ATTRIBUTE_TYPES.FLOAT, f: value.float };
  if ('type' in value) return { name, type: ATTRIBUTE_TYPES.INT, i: DATA_TYPES[value.type].code };
  return value.every((n) => Number.isInteger(n))
    ? { name, type: ATTRIBUTE_TYPES.INTS, ints: value }
    : { name, type: ATTRIBUTE_TYPES.FLOATS, floats: value };
}

/** Attributes in a fixed order, so that equal nodes have equal bytes. */
export function makeAttributes(values: Readonly<Record<string, OnnxAttribute>>): AttributeProto[] {
  return Object.keys(values)
    .sort()
    .map((name) => makeAttribute(name, values[name] as OnnxAttribute));
}

function find(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((a) => a.name === name);
}

/** An integer attribute, or what the standard says where it is absent. */
export function intAttribute(node: NodeProto, name: string, absent: number): number {
  const attribute = find(node, name);
  return attribute === undefined ? absent : (attribute.i ?? 0);
}

export function intsAttribute(node: NodeProto, name: string): readonly number[] | undefined {
  return find(node, name)?.ints;
}

export function floatAttribute(node: NodeProto, name: string, absent: number): number {
  const attribute = find(node, name);
  return attribute === undefined ? absent : (attribute.f ?? 0);
}

export function stringAttribute(node: NodeProto, name: string, absent: string): string {
  const bytes = find(node, name)?.s;
  return bytes === undefined ? absent : new TextDecoder().decode(bytes);
}
