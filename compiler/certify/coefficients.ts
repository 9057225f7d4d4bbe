import { namedProducts, namedQuantizers } from '../certificate/names.ts';
import type { Graph, OpNode, TensorType, Value } from '../ir/graph.ts';
import { nodeOf } from '../ir/graph.ts';
import type { OpAttributes } from '../ir/op-attributes.ts';
import { siteName } from '../ir/quantizers.ts';
import { convolutionNorm1, convolutionNorm2, convolutionNormInf } from '../norms/convolution.ts';
import { norm1, normInf } from '../norms/entrywise.ts';
import { matrix } from '../norms/matrix.ts';
import { spectralNorm } from '../norms/spectral.ts';
import { MIN_SCALE } from '../numeric/round.ts';
import { fromBound, rootOf } from './bounds-of-rules.ts';
import type { Dyadic } from './dyadic.ts';
import * as D from './dyadic.ts';
import { magnitudeOf } from './ranges.ts';
import { scaleOf, type Walk } from './walk.ts';

/** The leaf coefficients of a bound, from formats, weights and shapes alone: written down anew, not read off the rules. */

export type Named = ReadonlyMap<string, Dyadic>;

const power = (n: number): Dyadic => D.fromNumber(2 ** n);
const whole = (n: number): Dyadic => D.fromNumber(n);

/** Float32 rounds the scale, the quotient and the product with it, and the whole once more: γ₄ of the value. */
const RESCALING = gammaOf(4);

/** `|Q(x) − x| ≤ relative·max|x| + absolute` of each site whose scale is known from what it rounds. */
export function quantizerCoefficients(graph: Graph): ReadonlyMap<string, Named> {
  const found = new Map<string, Named>();
  for (const [site, value] of namedQuantizers(graph)) {
    const node = nodeOf(graph, value) as OpNode<'quantize' | 'quantizeStochastic'>;
    const step = stepOf(node, scaleOf(graph, node as OpNode));
    if (step !== undefined) found.set(site, step);
  }
  return found;
}

function stepOf(
  { op, attributes: { element } }: OpNode<'quantize' | 'quantizeStochastic'>,
  scale: ReturnType<typeof scaleOf>,
): Named | undefined {
  if (scale.kind === 'other') return undefined;
  // Half a step to nearest, a whole one with noise; a scale rounded up to a power of two is up to twice as wide.
  const share = op === 'quantizeStochastic' ? D.ONE : power(-1);
  const isWide = scale.kind === 'following' && scale.powerOfTwo;
  const wide = isWide ? whole(2) : D.ONE;
  /** In steps of the smallest scale, and half the smallest subnormal number where a product with it underflows. */
  const smallest = (step: Dyadic): Dyadic => D.add(D.multiply(step, D.fromNumber(MIN_SCALE)), power(-150));
  const coefficients = (relative: Dyadic, absolute: Dyadic): Named =>
    new Map([
      ['relative', relative],
      ['absolute', absolute],
    ]);
  if (element.kind === 'int') {
    if (scale.kind === 'one') return undefined;
    const codes = whole(2 ** (element.signed ? element.bits - 1 : element.bits) - 1);
    const relative = D.add(D.divide(D.multiply(share, wide), codes), RESCALING);
    return coefficients(relative, smallest(share));
  }
  const { exponent, mantissa, specials } = element;
  const unit = D.add(D.multiply(share, power(-mantissa)), RESCALING);
  // Below 2^(1 − bias) numbers are 2^(1 − bias − m) apart.
  const bias = 2 ** (exponent - 1) - 1;
  const lowest = D.multiply(share, power(1 - bias - mantissa));
  if (scale.kind === 'one') return coefficients(unit, lowest);
  // The top exponent is Inf's and NaN's in IEEE formats; the top number is NaN in those called `fn`.
  const ieee = specials === 'ieee' || specials === 'ieee_saturating';
  const top = 2 ** exponent - 1 - bias - (ieee ? 1 : 0);
  const significand = 2 ** (mantissa + 1) - (specials === 'fn' ? 2 : 1);
  const largest = D.multiply(whole(significand), power(top - mantissa));
  const floor = D.multiply(D.divide(lowest, largest), wide);
  // Where the largest magnitude is the largest number of the grid, numbers there are 2^(top − m) apart.
  if (isWide || D.compare(largest, power(32)) > 0) return coefficients(D.max(unit, floor), smallest(lowest));
  const gap = D.add(D.divide(D.multiply(share, power(top - mantissa)), largest), RESCALING);
  return coefficients(D.max(gap, floor), smallest(D.add(lowest, D.multiply(unit, largest))));
}

/** The number of products in one sum of a matrix product or convolution, and γ of so many roundings. */
export function productCoefficients(graph: Graph): ReadonlyMap<string, { terms: number; gamma: Dyadic }> {
  const found = new Map<string, { terms: number; gamma: Dyadic }>();
  for (const [name, value] of namedProducts(graph)) {
    const terms = termsOf(graph, nodeOf(graph, value) as OpNode);
    found.set(name, { terms, gamma: gammaOf(terms) });
  }
  return found;
}

function termsOf(graph: Graph, node: OpNode): number {
  const [a = [], b = []] = node.operands.map((operand) => nodeOf(graph, operand).type.shape);
  const product = (sizes: readonly number[]): number => sizes.reduce((x, y) => x * y, 1);
  switch (node.op) {
    case 'matmul':
      return (node.attributes as OpAttributes['matmul']).transposeA ? (a.at(-2) ?? 1) : (a.at(-1) ?? 1);
    case 'conv2d':
      return product(b.slice(1));
    case 'conv2dInputGrad':
      return (b[0] ?? 1) * windowsOfInput(b, (node.attributes as OpAttributes['conv2d']).strides);
    default:
      // Cotangents of every sample and place.
      return (b[0] ?? 1) * product(b.slice(2));
  }
}

/** Windows of a convolution that one input lies in, at most. */
function windowsOfInput(kernel: readonly number[], strides: readonly number[]): number {
  return kernel.slice(2).reduce((count, k, axis) => count * Math.ceil(k / (strides[axis] ?? 1)), 1);
}

/** n roundings to nearest: `(1 + u)ⁿ − 1 < e^{n·u} − 1`, u = 2^-24. */
function gammaOf(n: number): Dyadic {
  const grown = Math.expm1(n * 2 ** -24) * (1 + 2 ** -40);
  return Number.isFinite(grown) ? D.fromNumber(grown) : D.UNBOUNDED;
}

/** Norms of what a layer does with its real weights: to what one result reads, and to one input. */
export function weightCoefficients(walk: Walk): ReadonlyMap<string, Named> {
  const { graph } = walk;
  const found = new Map<string, Named>();
  for (const value of namedProducts(graph).values()) {
    const node = nodeOf(graph, value) as OpNode;
    const weights = node.operands[1] ?? -1;
    const written = nodeOf(graph, weights).origin.name;
    const name = written && siteName(written);
    if (node.origin.phase !== 'F' || name === undefined || found.has(name)) continue;
    if (node.op === 'conv2d') found.set(name, ofKernel(walk, node as OpNode<'conv2d'>, weights));
    else if ((node as OpNode<'matmul'>).attributes.transposeB) found.set(name, ofMatrix(walk, weights));
  }
  return found;
}

function ofMatrix(walk: Walk, weights: Value): Named {
  const [rows = 1, columns = 1] = nodeOf(walk.graph, weights).type.shape;
  const known = walk.known(weights);
  if (known === undefined) return ofSize(walk, weights, columns, rows, 1);
  const w = matrix(rows, columns, known.data);
  return new Map([
    ['inf', fromBound(normInf(w))],
    ['two', fromBound(spectralNorm(w))],
    ['two_to_inf', longestRow(known.data, rows)],
    ['one', fromBound(norm1(w))],
  ]);
}

function ofKernel(walk: Walk, { operands, attributes }: OpNode<'conv2d'>, weights: Value): Named {
  const { shape } = nodeOf(walk.graph, weights).type;
  const [filters = 1, channels = 1, height = 1, width = 1] = shape;
  const known = walk.known(weights);
  const windows = windowsOfInput(shape, attributes.strides);
  if (known === undefined)
    return ofSize(walk, weights, channels * height * width, filters * windows, windows);
  const x: TensorType = nodeOf(walk.graph, operands[0] ?? -1).type;
  const [, , inputHeight = 1, inputWidth = 1] = x.shape;
  const convolution = {
    kernel: known.data,
    shape: [filters, channels, height, width],
    window: { strides: attributes.strides, pads: attributes.pads },
    inputSize: [inputHeight, inputWidth],
  } as const;
  return new Map([
    ['inf', fromBound(convolutionNormInf(convolution))],
    ['two', fromBound(convolutionNorm2(convolution))],
    ['two_to_inf', longestRow(known.data, filters)],
    ['one', fromBound(convolutionNorm1(convolution))],
  ]);
}

/** From the largest weight and the 2-norm of all of them. */
function ofSize(walk: Walk, weights: Value, read: number, written: number, overlap: number): Named {
  const range = walk.range(weights);
  const largest = magnitudeOf(range);
  const all = fromBound(range.norm2);
  const sum = (n: number): Dyadic => D.min(D.multiply(largest, whole(n)), D.multiply(rootOf(n), all));
  return new Map([
    ['inf', sum(read)],
    ['two', D.multiply(rootOf(overlap), all)],
    ['two_to_inf', D.min(D.multiply(rootOf(read), largest), all)],
    ['one', sum(written)],
  ]);
}

/** The largest 2-norm of a row, its squares summed exactly but for the last of 64 places. */
function longestRow(data: Float64Array, rows: number): Dyadic {
  const columns = data.length / rows;
  let most = D.ZERO;
  for (let row = 0; row < rows; row++) {
    let [sum, rest] = [0, 0];
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const square = (data[i] ?? 0) ** 2;
      const next = sum + square;
      // What the sum loses to rounding (Knuth's two-sum of non-negative numbers).
      rest += sum >= square ? sum - next + square : square - next + sum;
      sum = next;
    }
    // Squares of float64 round once each, and the rest is a small sum of small numbers.
    const whole = D.fromNumber(Math.max(sum + rest, 0) * (1 + 2 ** -50));
    most = D.max(most, whole);
  }
  return D.sqrt(most);
}
