import { DATA_TYPES } from '../../compiler/emit/onnx/data-types.ts';
import type { ModelProto, ValueInfoProto } from '../../compiler/emit/onnx/schema.ts';

/** Suffix of the inputs through which a model under test is given the codes that the reference computed. */
export const GIVEN = '.given';

/** The model with the value of each named tensor as a further output. */
export function withOutputs(model: ModelProto, tensors: readonly string[]): ModelProto {
  const output = [...model.graph.output, ...tensors.map(floatInfo)];
  return { ...model, graph: { ...model.graph, output } };
}

/**
 * The model cut at each named tensor: its readers take the input `<tensor>.given` in its place, and what the model itself
 * computes is an output. So every layer is run on the same incoming codes, whatever the layer before it made of them.
 */
export function cutAt(model: ModelProto, tensors: readonly string[]): ModelProto {
  const cut = new Set(tensors);
  const { graph } = withOutputs(model, tensors);
  const node = graph.node.map((n) => ({
    ...n,
    input: n.input.map((name) => (cut.has(name) ? name + GIVEN : name)),
  }));
  const read = new Set(node.flatMap((n) => n.input));
  const given = tensors.map((name) => name + GIVEN).filter((name) => read.has(name));
  return { ...model, graph: { ...graph, node, input: [...graph.input, ...given.map(floatInfo)] } };
}

function floatInfo(name: string): ValueInfoProto {
  return { name, type: { tensorType: { elemType: DATA_TYPES.float.code } } };
}
