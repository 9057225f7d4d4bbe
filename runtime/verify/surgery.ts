import { DATA_TYPES } from '../../compiler/emit/onnx/data-types.ts';
import type { ModelProto, NodeProto, ValueInfoProto } from '../../compiler/emit/onnx/schema.ts';

/** Suffix of the inputs through which a model under test is given the codes that the reference computed. */
export const GIVEN = '.given';

/** The model with the value of each named tensor as a further output. */
export function withOutputs(model: ModelProto, tensors: readonly string[]): ModelProto {
  const output = [...model.graph.output, ...tensors.map(floatInfo)];
  return { ...model, graph: { ...model.graph, output } };
}

/**
 * The model cut at each named tensor: its readers take the input `<tensor>.given` in its place, and what the model itself
 * computes is an output. So every layer is run on the same incoming codes, whatever the layer before it made of them. A given
 * value passes through a copy of the site's quantizer, which leaves it as it is, so that a runtime fuses the layer as it would in the whole model.
 */
export function cutAt(model: ModelProto, tensors: readonly string[]): ModelProto {
  const { graph } = withOutputs(model, tensors);
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const cuts = tensors.map((tensor) => quantizerCopy(tensor, producers));
  const replaced = new Map(cuts.map(({ tensor, value }) => [tensor, value]));
  const rewired = graph.node.map((n) => ({ ...n, input: n.input.map((name) => replaced.get(name) ?? name) }));
  const given = tensors.map((name) => floatInfo(name + GIVEN));
  const node = [...cuts.flatMap(({ nodes }) => nodes), ...rewired];
  return { ...model, graph: { ...graph, node, input: [...graph.input, ...given] } };
}

/** Nodes from `<tensor>.given` to what the readers of the tensor read instead of it. */
function quantizerCopy(
  tensor: string,
  producers: ReadonlyMap<string, NodeProto>,
): { readonly tensor: string; readonly value: string; readonly nodes: readonly NodeProto[] } {
  const dequantize = producers.get(tensor);
  const quantize = producers.get(dequantize?.input[0] ?? '');
  if (dequantize?.opType !== 'DequantizeLinear' || quantize?.opType !== 'QuantizeLinear') {
    return { tensor, value: tensor + GIVEN, nodes: [] };
  }
  const [codes, value] = [`${tensor}${GIVEN}.codes`, `${tensor}${GIVEN}.value`];
  const copy = (node: NodeProto, input: string, output: string): NodeProto => ({
    ...node,
    name: output,
    input: [input, ...node.input.slice(1)],
    output: [output],
  });
  return { tensor, value, nodes: [copy(quantize, tensor + GIVEN, codes), copy(dequantize, codes, value)] };
}

function floatInfo(name: string): ValueInfoProto {
  return { name, type: { tensorType: { elemType: DATA_TYPES.float.code } } };
}
