import { dataTypeName } from './data-types.ts';
import { float32Text } from './number-text.ts';
import {
  ATTRIBUTE_TYPES,
  type AttributeProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from './schema.ts';
import { tensorValues } from './tensor-data.ts';
import { declaredType, printType } from './value-type.ts';

/**
 * A model as text for people and golden files: declarations, then initializers sorted by name, then nodes in
 * order, one a line. Equal models give equal text; tensors of more than {@link SHOWN} values appear as a checksum.
 */
export function printModel(model: ModelProto): string {
  const { graph } = model;
  const opsets = model.opsetImport.map((o) => `${o.domain === '' ? 'ai.onnx' : o.domain} ${o.version}`);
  const lines = [
    `model ${graph.name}: ir ${model.irVersion}, opset ${opsets.join(', ')}`,
    ...model.metadataProps.map(({ key, value }) => `metadata ${key}: ${value}`),
    '',
    ...graph.input.map((v) => `input ${v.name}: ${printType(declaredType(v.type?.tensorType))}`),
    ...graph.output.map((v) => `output ${v.name}: ${printType(declaredType(v.type?.tensorType))}`),
    '',
    ...[...graph.initializer].sort((a, b) => (a.name < b.name ? -1 : 1)).map(printTensor),
    '',
    ...graph.node.map(printNode),
  ];
  return `${lines.join('\n')}\n`;
}

/** Up to this many values a tensor is written out. */
const SHOWN = 8;

function printTensor(tensor: TensorProto): string {
  const type = printType({ type: dataTypeName(tensor.dataType), shape: tensor.dims });
  return `${tensor.name}: ${type} = ${printValues(tensor)}`;
}

function printValues(tensor: TensorProto): string {
  const values = tensorValues(tensor);
  if (values === undefined) return '?';
  if (values.length <= SHOWN) {
    const isFloat = dataTypeName(tensor.dataType) === 'float';
    return `{${Array.from(values, isFloat ? float32Text : String).join(', ')}}`;
  }
  return `#${checksum(values).toString(16).padStart(8, '0')}`;
}

/** FNV-1a over the values as float64. */
function checksum(values: Float64Array): number {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

function printNode(node: NodeProto): string {
  const attributes = [...node.attribute]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((a) => `${a.name}: ${printAttribute(a)}`);
  const operator = node.domain ? `${node.domain}.${node.opType}` : node.opType;
  const call = `${operator}(${node.input.map((name) => name || '_').join(', ')})`;
  const tail = attributes.length === 0 ? '' : ` {${attributes.join(', ')}}`;
  return `${node.output.map((name) => name || '_').join(', ')} = ${call}${tail}`;
}

function printAttribute(attribute: AttributeProto): string {
  switch (attribute.type) {
    case ATTRIBUTE_TYPES.FLOAT:
      return `${float32Text(attribute.f ?? 0)}f`;
    case ATTRIBUTE_TYPES.INT:
      return `${attribute.i ?? 0}`;
    case ATTRIBUTE_TYPES.STRING:
      return JSON.stringify(new TextDecoder().decode(attribute.s));
    case ATTRIBUTE_TYPES.INTS:
      return `[${(attribute.ints ?? []).join(', ')}]`;
    case ATTRIBUTE_TYPES.FLOATS:
      return `[${(attribute.floats ?? []).map(float32Text).join(', ')}]`;
    case ATTRIBUTE_TYPES.TENSOR:
      return attribute.t === undefined ? '?' : printTensor(attribute.t);
    default:
      return '…';
  }
}
