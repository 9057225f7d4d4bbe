import { irVersionOf } from '../../compiler/emit/onnx/check-model.ts';
import { DATA_TYPES } from '../../compiler/emit/onnx/data-types.ts';
import { GraphWriter } from '../../compiler/emit/onnx/graph-writer.ts';
import { encodeModel } from '../../compiler/emit/onnx/proto.ts';

const OPSET = 21;

/** A tensor that a model reads or gives. */
export interface ProbeValue {
  readonly name: string;
  readonly type: keyof typeof DATA_TYPES;
  readonly shape: readonly number[];
}

/** A model of one operator, to ask what onnxruntime does with it on this machine. */
export function probeModel(operator: string, inputs: readonly ProbeValue[], output: ProbeValue): Uint8Array {
  const names = inputs.map(({ name }) => name);
  const writer = new GraphWriter(names);
  const result = writer.node(output.name, operator, names);
  const declared = ({ name, type, shape }: ProbeValue) => ({
    name,
    type: {
      tensorType: { elemType: DATA_TYPES[type].code, shape: { dim: shape.map((n) => ({ dimValue: n })) } },
    },
  });
  return encodeModel({
    irVersion: irVersionOf(OPSET),
    opsetImport: [{ domain: '', version: OPSET }],
    producerName: 'qspec',
    producerVersion: '',
    metadataProps: [],
    graph: {
      name: operator,
      node: writer.nodes.map((node) => ({
        ...node,
        output: node.output.map((o) => (o === result ? output.name : o)),
      })),
      initializer: writer.initializers,
      valueInfo: [],
      input: inputs.map(declared),
      output: [declared(output)],
    },
  });
}
