import { floatAttribute, intAttribute, makeAttribute } from '../attributes.ts';
import type { GraphView } from '../graph-view.ts';
import type { GraphProto } from '../schema.ts';
import { type Dim, shapesAgree } from '../value-type.ts';
import { foldAdditions } from './fold-additions.ts';

/** `A·B + c` of matrices is one Gemm; written for deployment only, where integer kernels want it. */
export function foldGemmSummand(view: GraphView): GraphProto {
  if (view.target.scheme !== 'qdq') return view.graph;
  return foldAdditions(view, (product, summand) => {
    const [a, b] = product.input;
    const gemm =
      product.opType === 'Gemm' && product.input.length === 2 && floatAttribute(product, 'alpha', 1) === 1;
    const matmul = product.opType === 'MatMul' && view.shape(a)?.length === 2 && view.shape(b)?.length === 2;
    if (!gemm && !matmul) return undefined;
    const columns = view.shape(product.output[0])?.[1];
    const source = rowVector(view, summand, columns);
    if (source === undefined) return undefined;
    const attribute = ['transA', 'transB'].flatMap((name) =>
      intAttribute(product, name, 0) === 1 ? [makeAttribute(name, 1)] : [],
    );
    return { ...product, opType: 'Gemm', input: [...product.input, source], attribute };
  });
}

/** The vector `[n]` that a value is, or is a reshape of to `[1, n]`. */
function rowVector(view: GraphView, name: string, columns: Dim): string | undefined {
  const shape = view.shape(name);
  if (typeof columns !== 'number' || shape === undefined) return undefined;
  if (shape.length === 1 && shape[0] === columns) return name;
  const node = view.producer(name);
  const source = node?.opType === 'Reshape' ? node.input[0] : undefined;
  const fits = shape.length === 2 && shape[0] === 1 && shape[1] === columns;
  return fits && shapesAgree(view.shape(source), [columns]) ? source : undefined;
}
