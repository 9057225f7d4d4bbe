import { namedProducts } from '../../certificate/names.ts';
import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import { siteName } from '../../ir/quantizers.ts';
import { convolutionNorm1, convolutionNorm2, convolutionNormInf } from '../../norms/convolution.ts';
import { norm1, normFrobenius, normInf } from '../../norms/entrywise.ts';
import { matrix } from '../../norms/matrix.ts';
import { spectralNorm } from '../../norms/spectral.ts';
import { type Bound, max, min, multiply, ZERO } from '../../numeric/bound.ts';
import { gamma32, magnitude, rootOf, times } from '../../ops/bounds/range.ts';
import {
  geometryOfForward,
  geometryOfInputGrad,
  geometryOfWeightGrad,
} from '../../ops/convolution/geometry.ts';
import { windowOf, windowOverlap } from '../../ops/window.ts';
import type { Facts } from '../worst-case/facts.ts';

/** Coefficients of products and weights, as certificates state them. */

export interface OperatorNorms {
  readonly inf: Bound;
  readonly two: Bound;
  readonly two_to_inf: Bound;
  readonly one: Bound;
}

export function productsOf(graph: Graph, value: Value): { readonly terms: number; readonly gamma: Bound } {
  const node = nodeOf(graph, value);
  const [a, b] = node.kind === 'op' ? node.operands.map((x) => nodeOf(graph, x).type) : [];
  if (node.kind !== 'op' || a === undefined || b === undefined) throw new Error(`%${value} is no product`);
  const terms = ((): number => {
    switch (node.op) {
      case 'matmul':
        return a.shape.at(node.attributes.transposeA ? -2 : -1) ?? 1;
      case 'conv2d': {
        const { channels, kernel } = geometryOfForward(a, b, node.attributes);
        return channels * kernel[0] * kernel[1];
      }
      case 'conv2dInputGrad': {
        const { filters, kernel, window } = geometryOfInputGrad(a, b, node.attributes);
        return filters * windowOverlap(kernel, window.strides);
      }
      case 'conv2dWeightGrad': {
        const { batch, output } = geometryOfWeightGrad(a, b, node.attributes);
        return batch * output[0] * output[1];
      }
      default:
        throw new Error(`${node.op} is no product`);
    }
  })();
  return { terms, gamma: gamma32(terms) };
}

export function weightNormsOf(graph: Graph, facts: Facts): ReadonlyMap<string, OperatorNorms> {
  const found = new Map<string, OperatorNorms>();
  for (const value of namedProducts(graph).values()) {
    const node = nodeOf(graph, value) as OpNode;
    const weights = node.operands[1] ?? -1;
    const written = nodeOf(graph, weights).origin.name;
    const name = written && siteName(written);
    if (node.origin.phase !== 'F' || name === undefined || found.has(name)) continue;
    if (node.op === 'conv2d') found.set(name, ofKernel(graph, facts, node as OpNode<'conv2d'>, weights));
    else if ((node as OpNode<'matmul'>).attributes.transposeB)
      found.set(name, ofMatrix(graph, facts, weights));
  }
  return found;
}

function ofMatrix(graph: Graph, facts: Facts, weights: Value): OperatorNorms {
  const [rows = 1, columns = 1] = nodeOf(graph, weights).type.shape;
  const known = facts.known[weights];
  if (known === undefined) return ofSize(facts, weights, columns, rows, 1);
  const w = matrix(rows, columns, known.data);
  return {
    inf: normInf(w),
    two: spectralNorm(w),
    two_to_inf: longestRow(known.data, rows),
    one: norm1(w),
  };
}

function ofKernel(graph: Graph, facts: Facts, node: OpNode<'conv2d'>, weights: Value): OperatorNorms {
  const x = nodeOf(graph, node.operands[0] ?? -1).type;
  const { filters, channels, kernel, input, window } = geometryOfForward(
    x,
    nodeOf(graph, weights).type,
    node.attributes,
  );
  const known = facts.known[weights];
  const overlap = windowOverlap(kernel, window.strides);
  if (known === undefined)
    return ofSize(facts, weights, channels * kernel[0] * kernel[1], filters * overlap, overlap);
  const shape = [filters, channels, ...kernel] as const;
  const convolution = { kernel: known.data, shape, window: windowOf(window), inputSize: input };
  return {
    inf: convolutionNormInf(convolution),
    two: convolutionNorm2(convolution),
    two_to_inf: longestRow(known.data, filters),
    one: convolutionNorm1(convolution),
  };
}

function ofSize(facts: Facts, weights: Value, read: number, written: number, overlap: number): OperatorNorms {
  const range = facts.ranges[weights];
  if (range === undefined) throw new Error(`%${weights} was not analysed`);
  const { norm2 } = range;
  const mag = magnitude(range);
  return {
    inf: min(times(mag, read), multiply(rootOf(read), norm2)),
    two: multiply(rootOf(overlap), norm2),
    two_to_inf: min(multiply(rootOf(read), mag), norm2),
    one: min(times(mag, written), multiply(rootOf(written), norm2)),
  };
}

function longestRow(data: Float64Array, rows: number): Bound {
  const columns = data.length / rows;
  let most = ZERO;
  for (let row = 0; row < rows; row++)
    most = max(most, normFrobenius(data.subarray(row * columns, (row + 1) * columns)));
  return most;
}
