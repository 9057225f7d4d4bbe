import { LARGEST_FLOAT32 } from '../../numeric/round.ts';
import type { GraphView } from './graph-view.ts';
import type { GraphProto, NodeProto } from './schema.ts';
import { makeTensor } from './tensor-data.ts';

const PRODUCTS = new Set(['Conv', 'Gemm', 'MatMul']);
const LOWEST = 'guard.lowest';

/**
 * Onnxruntime 1.30 rounds the f32 weights of a product to 8 bits, from `basic` optimization on, where what it reads is
 * dequantized (its WeightBiasQuantization). `Max(x, −3.4·10³⁸)` changes no number and hides the pattern.
 */
export function guardFloatWeights(view: GraphView): GraphProto {
  const { graph } = view;
  const guarded = new Set<string>();
  const isDequantized = (name: string | undefined) => view.producer(name)?.opType === 'DequantizeLinear';
  const node = graph.node.flatMap((product): NodeProto[] => {
    const [x = '', w, ...rest] = product.input;
    if (!PRODUCTS.has(product.opType) || !isDequantized(x) || isDequantized(w)) return [product];
    const output = `${x}.guarded`;
    const changed = { ...product, input: [output, w ?? '', ...rest] };
    if (guarded.has(x)) return [changed];
    guarded.add(x);
    return [{ name: output, opType: 'Max', input: [x, LOWEST], output: [output], attribute: [] }, changed];
  });
  if (guarded.size === 0) return graph;
  const lowest = makeTensor(LOWEST, 'float', [], [-LARGEST_FLOAT32]);
  return { ...graph, node, initializer: [...graph.initializer, lowest] };
}
