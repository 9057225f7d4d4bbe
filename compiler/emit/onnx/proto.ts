import protobuf from 'protobufjs/light.js';
import { type GraphProto, MESSAGES, type ModelProto } from './schema.ts';

const MODEL = loadSchema().lookupType('ModelProto');

function loadSchema(): protobuf.Root {
  const nested = Object.entries(MESSAGES).map(([message, fields]) => {
    const described = Object.entries(fields).map(([name, [id, type, cardinality]]) => [
      name,
      {
        id,
        type,
        ...(cardinality === undefined
          ? {}
          : { rule: 'repeated', options: { packed: cardinality === 'packed' } }),
      },
    ]);
    return [message, { fields: Object.fromEntries(described) }];
  });
  return protobuf.Root.fromJSON({ nested: Object.fromEntries(nested) });
}

/** The model as the bytes of an `.onnx` file. */
export function encodeModel(model: ModelProto): Uint8Array {
  return MODEL.encode(MODEL.fromObject(model)).finish();
}

export type Decoded = { readonly model: ModelProto } | { readonly problem: string };

/** Reads the bytes of an `.onnx` file. Anything may be in them: what is no ONNX model gives a sentence that says so. */
export function decodeModel(bytes: Uint8Array): Decoded {
  let object: Partial<ModelProto>;
  try {
    object = MODEL.toObject(MODEL.decode(bytes), { longs: Number, arrays: true }) as Partial<ModelProto>;
  } catch (error) {
    return { problem: `not an ONNX model: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (object.graph === undefined) return { problem: 'not an ONNX model: it has no graph' };
  if (!object.irVersion) return { problem: 'not an ONNX model: it states no IR version' };
  return {
    model: {
      irVersion: object.irVersion,
      opsetImport: (object.opsetImport ?? []).map((o) => ({
        domain: o.domain ?? '',
        version: o.version ?? 0,
      })),
      producerName: object.producerName ?? '',
      producerVersion: object.producerVersion ?? '',
      ...(object.docString === undefined ? {} : { docString: object.docString }),
      graph: completeGraph(object.graph),
      metadataProps: (object.metadataProps ?? []).map((e) => ({ key: e.key ?? '', value: e.value ?? '' })),
    },
  };
}

/** Gives the scalar fields that an encoder may leave out their default, so that the types hold. */
function completeGraph(graph: GraphProto): GraphProto {
  return {
    ...graph,
    name: graph.name ?? '',
    node: graph.node.map((node) => ({
      ...node,
      name: node.name ?? '',
      opType: node.opType ?? '',
      attribute: node.attribute.map((a) => ({
        ...a,
        name: a.name ?? '',
        type: a.type ?? 0,
        ...(a.g === undefined ? {} : { g: completeGraph(a.g) }),
      })),
    })),
    initializer: graph.initializer.map((t) => ({ ...t, name: t.name ?? '', dataType: t.dataType ?? 0 })),
    input: graph.input.map((v) => ({ ...v, name: v.name ?? '' })),
    output: graph.output.map((v) => ({ ...v, name: v.name ?? '' })),
    valueInfo: graph.valueInfo.map((v) => ({ ...v, name: v.name ?? '' })),
  };
}
