import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { type Graph, nodeOf, type OpNode, type TensorType } from '../../ir/graph.ts';
import { type NoiseStream, noiseStreams } from '../../ir/noise.ts';
import type { OnnxContext, OnnxScheme } from '../../ir/onnx-context.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { PRODUCTS, type Products } from '../../ir/products.ts';
import type { FloatTensors } from '../../ir/tensor.ts';
import { REGISTRY } from '../../ops/registry.ts';
import { irVersionOf } from './check-model.ts';
import { DATA_TYPES, requiredVersions } from './data-types.ts';
import { nameOutputs, takeNames } from './graph-edits.ts';
import { GraphView } from './graph-view.ts';
import { GraphWriter } from './graph-writer.ts';
import { guardFloatWeights } from './guards.ts';
import { inferTypes } from './infer.ts';
import { Lowering } from './lowering/lowering.ts';
import { lowerNode } from './lowering/rules.ts';
import type { Values } from './lowering/values.ts';
import { NoiseInputs, type NoiseLayout, noiseDeclarations } from './noise-inputs.ts';
import { encodeModel } from './proto.ts';
import { type QuantizerSite, writeDequantizeInitializer, writeQuantizeDequantize } from './quantization.ts';
import { type Rewrites, rewriteGraph, rewriteModel } from './rewrites/table.ts';
import type { GraphProto, ModelProto, OperatorSetIdProto, ValueInfoProto } from './schema.ts';

/** Provenance that the file carries. */
export interface OnnxMetadata {
  /** Version of QSpec. */
  readonly version: string;
  /** Further entries, such as the spec's name and hash. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface OnnxOptions {
  readonly scheme: OnnxScheme;
  /** Inputs of the graph that become initializers. */
  readonly initializers?: FloatTensors;
  /** Axis 0 of `batch` inputs, and of every output that follows it, is `N`. */
  readonly symbolicBatch?: boolean;
  /** Version of the operator set; raised where an element type needs a later one. */
  readonly opset?: number;
  readonly rewrites?: Rewrites;
  /**
   * Channels of a block in onnxruntime's own convolutions on the machine that is emitted for: large ones of a training step are then
   * written as such, and the model loads in onnxruntime alone. By default, and everywhere else, all operators are standard ones.
   */
  readonly block?: number;
  /** The noise streams of the whole step, where the graph is a part of one; by default those of the graph. */
  readonly streams?: readonly NoiseStream[];
  readonly metadata?: OnnxMetadata;
}

export interface OnnxEmission {
  readonly model: ModelProto;
  /** The `.onnx` file. */
  readonly bytes: () => Uint8Array;
  /** Inputs that feed the graph's noise streams. */
  readonly noise: NoiseLayout;
  /**
   * By the graph's output names, the model's: the same, except that the new value of an input is called
   * `<input>.next`, because names in a model are unique.
   */
  readonly outputs: ReadonlyMap<string, string>;
  readonly products: Products;
  /** Formats that cannot be exported (scheme `qdq`); the model holds arithmetic in their place. */
  readonly diagnostics: readonly Diagnostic[];
}

const OPSET = 21;

/** The graph as one ONNX model of standard operators: every IR node through the registry's `onnx` rule. */
export function emitOnnx(source: Graph, options: OnnxOptions): OnnxEmission {
  const switches = options.rewrites ?? {};
  const isStep = options.scheme === 'arithmetic' && !options.symbolicBatch;
  const graph = isStep ? rewriteGraph(source, switches) : source;
  const inputs = graph.nodes.filter((n) => n.kind === 'input');
  const names = new Set(inputs.map((n) => n.input));
  const outputs = new Map(graph.outputs.map(({ name }) => [name, names.has(name) ? `${name}.next` : name]));
  const noise = new NoiseInputs(options.streams ?? noiseStreams(source));
  const reserved = [...names, ...outputs.values(), ...noise.names];
  if (new Set(reserved).size !== reserved.length)
    throw new Error(`inputs and outputs share names: ${reserved}`);
  const writer = new GraphWriter(reserved);
  const diagnostics: Diagnostic[] = [];
  const lowering = new Lowering(graph, writer, noise, switches, options.block);
  const { values } = lowering;
  graph.nodes.forEach((node, value) => {
    const stem = node.origin.name ?? (node.kind === 'op' ? node.op : node.kind);
    if (node.kind === 'input') {
      const data = options.initializers?.get(node.input);
      if (data) writer.initializer(node.input, 'float', node.type.shape, data.data);
      values.setPlain(value, node.input);
    } else if (node.kind === 'constant') {
      values.setPlain(value, writer.tensor(stem, onnxType(node.type), node.data, node.type.shape));
    } else if (isStep) lowerNode(lowering, node, value);
    else {
      const site = { name: stem, span: node.origin.span, diagnostics };
      values.setPlain(value, emitNode(node, graph, values, writer, noise, options.scheme, site));
    }
  });

  const results = graph.outputs.map(({ name, value }) => ({
    value: values.plain(value),
    info: valueInfo(outputs.get(name) ?? name, nodeOf(graph, value).type),
  }));
  const given = inputs.filter((n) => !options.initializers?.has(n.input));
  const batch = given.filter((n) => n.role === 'batch').map((n) => n.input);
  const open = options.symbolicBatch ? new Set(batch) : new Set<string>();
  const draft: GraphProto = {
    name: graph.name,
    node: writer.nodes,
    initializer: writer.initializers,
    input: given.map((n) => valueInfo(n.input, n.type, open.has(n.input))),
    output: [],
    valueInfo: values.written.map(({ name, type }) => valueInfo(name, type)),
  };
  const opset = options.opset ?? OPSET;
  const named = nameOutputs(draft, results);
  const target = { opset, scheme: options.scheme };
  const rewritten = rewriteModel(named, switches, target);
  const guarded = options.scheme === 'qdq' ? guardFloatWeights(new GraphView(rewritten, target)) : rewritten;
  const layout = noise.layoutFor(new Set(guarded.node.flatMap((n) => n.input)));
  const fed = { ...guarded, input: [...guarded.input, ...noiseDeclarations(layout)] };
  const body = takeNames(fed, writer.replacements);
  return {
    ...assemble(options.symbolicBatch ? openBatch(body, opset) : body, opset, options.metadata),
    noise: layout,
    outputs,
    products: {
      all: graph.nodes.filter((node) => node.kind === 'op' && PRODUCTS.has(node.op)).length,
      inIntegers: lowering.inIntegers.size,
    },
    diagnostics,
  };
}

function emitNode<K extends OpName>(
  node: OpNode<K>,
  graph: Graph,
  values: Values,
  writer: GraphWriter,
  noise: NoiseInputs,
  scheme: OnnxScheme,
  site: QuantizerSite,
): string {
  const context: OnnxContext<K> = {
    attributes: node.attributes,
    operands: node.operands.map((v) => values.plain(v)),
    operandTypes: node.operands.map((v) => nodeOf(graph, v).type),
    type: node.type,
    scheme,
    op: (opType, inputs, attributes) => writer.node(site.name, opType, inputs, attributes),
    constant: (type, data, shape) =>
      typeof data === 'number'
        ? writer.constant(type, [data], shape ?? [])
        : writer.constant(type, data, shape ?? [data.length]),
    noise: (distribution, stream, shape) => noise.read(distribution, stream, shape, false),
    quantizeDequantize: (x, scale, scaleShape, element) =>
      writeQuantizeDequantize(writer, site, x, node.type.shape.length, scale, scaleShape, element),
    dequantizeInitializer: (codes, scale, scaleShape, element) =>
      writeDequantizeInitializer(writer, site, codes, scale, scaleShape, element),
  };
  return REGISTRY[node.op].onnx(context);
}

function onnxType(type: TensorType): 'float' | 'int32' {
  return type.dtype === 'f32' ? 'float' : 'int32';
}

function valueInfo(name: string, type: TensorType, open = false): ValueInfoProto {
  const dim = type.shape.map((n, i) => (i === 0 && open ? { dimParam: 'N' } : { dimValue: n }));
  return { name, type: { tensorType: { elemType: DATA_TYPES[onnxType(type)].code, shape: { dim } } } };
}

/** Declares values as open where their first axis follows the batch. */
function openBatch(graph: GraphProto, opset: number): GraphProto {
  const { types } = inferTypes(graph, { opset });
  const open = (value: ValueInfoProto): ValueInfoProto => {
    const type = value.type?.tensorType;
    if (type?.shape === undefined || typeof types.get(value.name)?.shape?.[0] !== 'string') return value;
    const dim = type.shape.dim.map((d, i) => (i === 0 ? { dimParam: 'N' } : d));
    return { ...value, type: { tensorType: { ...type, shape: { dim } } } };
  };
  return { ...graph, output: graph.output.map(open), valueInfo: graph.valueInfo.map(open) };
}

/** Other domains than the default one that nodes are of; onnxruntime's own have one version. */
function ownDomains(graph: GraphProto): readonly OperatorSetIdProto[] {
  const domains = new Set(graph.node.flatMap(({ domain }) => (domain ? [domain] : [])));
  return [...domains].sort().map((domain) => ({ domain, version: 1 }));
}

function assemble(
  graph: GraphProto,
  opset: number,
  metadata: OnnxMetadata | undefined,
): { readonly model: ModelProto; readonly bytes: () => Uint8Array } {
  const used = [...inferTypes(graph, { opset }).types.values()].flatMap((t) => t.type ?? []);
  const needed = requiredVersions(used);
  const version = Math.max(opset, needed.opset);
  const model: ModelProto = {
    irVersion: Math.max(needed.irVersion, irVersionOf(version)),
    opsetImport: [{ domain: '', version }, ...ownDomains(graph)],
    producerName: 'qspec',
    producerVersion: metadata?.version ?? '',
    graph,
    metadataProps: Object.entries(metadata?.properties ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value })),
  };
  return { model, bytes: () => encodeModel(model) };
}
