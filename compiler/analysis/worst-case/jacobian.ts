import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../ir/op-attributes.ts';
import { REGISTRY } from '../../ops/registry.ts';
import type { Facts } from './facts.ts';

/**
 * An interval matrix `center ± radius` that holds the slopes of every logit in a value of one sample, whichever relu masks and pool
 * winners hold and whatever the point: `[K, …]`, one row for each logit.
 */
export interface Slopes {
  readonly center: NdArray;
  readonly radius: NdArray;
}

/** Slopes by value, or the op at which they cannot be had. */
export type JacobianResult =
  | { readonly slopes: ReadonlyMap<Value, Slopes>; readonly unsupported: undefined }
  | { readonly slopes: undefined; readonly unsupported: OpName };

/**
 * Which elements a relu or a pooling may pass on, at a point where most of that is settled: pairs of an output and an input of one sample, those that
 * are `open` for sure and those that may be; all others are shut.
 */
export interface Gate {
  readonly output: Int32Array;
  readonly input: Int32Array;
  readonly open: Uint8Array;
}

/** The gate of a relu or pooling; undefined where nothing is known of it. */
export type Gates = (value: Value) => Gate | undefined;

interface Step {
  readonly operand: Value;
  readonly slopes: Slopes;
}

/**
 * Slopes of `output` (`[1, K]`) in every value between it and `from`, which must meet it only through ops that are linear in them, relu and
 * pooling. With weights as they are in real arithmetic.
 */
export function logitSlopes(
  graph: Graph,
  facts: Facts,
  from: Value,
  output: Value,
  gates: Gates = () => undefined,
): JacobianResult {
  const active = onPath(graph, from, output);
  const [, classes = 1] = nodeOf(graph, output).type.shape;
  const identity = new Float64Array(classes * classes);
  for (let k = 0; k < classes; k++) identity[k * classes + k] = 1;
  const shape = [classes, classes];
  const slopes = new Map<Value, Slopes>([
    [output, { center: { shape, data: identity }, radius: zeros(shape) }],
  ]);
  for (let value = output; value > from; value--) {
    const own = slopes.get(value);
    if (own === undefined) continue;
    const node = nodeOf(graph, value);
    if (node.kind !== 'op') continue;
    const steps = backwards(graph, node, own, facts, active, gates(value));
    if (steps === undefined) return { slopes: undefined, unsupported: node.op };
    for (const { operand, slopes: more } of steps) {
      const known = slopes.get(operand);
      slopes.set(operand, known === undefined ? more : sumOf(known, more));
    }
  }
  return { slopes, unsupported: undefined };
}

function onPath(graph: Graph, from: Value, output: Value): readonly boolean[] {
  const active = new Array<boolean>(output + 1).fill(false);
  active[from] = true;
  for (let value = from + 1; value <= output; value++) {
    const node = nodeOf(graph, value);
    if (node.kind === 'op' && node.operands.some((operand) => active[operand])) active[value] = true;
  }
  return active;
}

/** Rounding of float64 sums of n products, twice over, so that it covers the rounding of the radius as well. */
function slack(n: number): number {
  return 2 * (n + 4) * 2 ** -52;
}

function backwards(
  graph: Graph,
  node: OpNode,
  { center, radius }: Slopes,
  facts: Facts,
  active: readonly boolean[],
  gate: Gate | undefined,
): readonly Step[] | undefined {
  const [x, second] = node.operands;
  if (x === undefined) return undefined;
  const typeOf = (value: Value) => nodeOf(graph, value).type;
  const rows = center.shape[0] ?? 1;
  const shaped = (value: Value): readonly number[] => [rows, ...typeOf(value).shape.slice(1)];
  const pass = (operand: Value): Step => ({ operand, slopes: { center, radius } });
  const isActive = (value: Value | undefined): boolean => value !== undefined && active[value] === true;
  switch (node.op) {
    case 'quantize':
    case 'quantizeStochastic':
    case 'quantizeCotangent':
    case 'stopGradient':
      return [pass(x)];
    case 'reshape': {
      const shape = shaped(x);
      return [
        {
          operand: x,
          slopes: { center: { shape, data: center.data }, radius: { shape, data: radius.data } },
        },
      ];
    }
    case 'add':
    case 'sub': {
      const steps: Step[] = [];
      node.operands.forEach((operand, i) => {
        if (!isActive(operand)) return;
        const own =
          i === 1 && node.op === 'sub' ? { center: mapped(center, (c) => -c), radius } : { center, radius };
        steps.push({ operand, slopes: own });
      });
      const whole = steps.every(({ operand }) => sizeOf(typeOf(operand).shape) === sizeOf(node.type.shape));
      return whole ? steps : undefined;
    }
    case 'mul':
    case 'div': {
      if (second === undefined || isActive(second) || !isActive(x)) return undefined;
      const factor = constantOf(graph, second);
      if (factor === undefined || sizeOf(typeOf(x).shape) !== sizeOf(node.type.shape)) return undefined;
      const apply = (t: NdArray): NdArray => evaluated(node.op, {}, [t, factor], t.shape);
      const scaled = apply(center);
      const spread = apply(radius);
      return [{ operand: x, slopes: inflated(scaled, mapped(spread, Math.abs), 4) }];
    }
    case 'relu':
    case 'maxPool': {
      if (gate !== undefined) return [{ operand: x, slopes: gated({ center, radius }, gate, shaped(x)) }];
      // The slope of an element is between 0 and 1: the hull of the row with zero.
      const low = zip(center, radius, (c, r) => Math.min(c - r, 0));
      const high = zip(center, radius, (c, r) => Math.max(c + r, 0));
      const [down, up] =
        node.op === 'relu' ? [low, high] : [spread(node, low, shaped(x)), spread(node, high, shaped(x))];
      const middle = zip(down, up, (a, b) => (a + b) / 2);
      return [
        {
          operand: x,
          slopes: inflated(
            middle,
            zip(down, up, (a, b) => (b - a) / 2),
            16,
          ),
        },
      ];
    }
    case 'sumPool': {
      const shape = shaped(x);
      return [{ operand: x, slopes: inflated(spread(node, center, shape), spread(node, radius, shape), 16) }];
    }
    case 'sum': {
      const { axes, keepDims } = node.attributes as OpAttributes['sum'];
      if (axes.includes(0)) return undefined;
      const shape = shaped(x);
      const kept = keepDims ? center.shape : shape.map((n, i) => (axes.includes(i) ? 1 : n));
      const stretch = (t: NdArray): NdArray =>
        evaluated('broadcastTo', { shape }, [{ shape: kept, data: t.data }], shape);
      return [{ operand: x, slopes: { center: stretch(center), radius: stretch(radius) } }];
    }
    case 'matmul': {
      if (second === undefined || isActive(second)) return undefined;
      const weights = facts.known[second];
      const { transposeA, transposeB } = node.attributes as OpAttributes['matmul'];
      if (weights === undefined || weights.shape.length !== 2 || transposeA) return undefined;
      const shape = shaped(x);
      const back = (a: NdArray, w: NdArray): NdArray =>
        evaluated('matmul', { transposeA: false, transposeB: !transposeB }, [a, w], shape);
      return [{ operand: x, slopes: linear(center, radius, weights, sizeOf(center.shape) / rows, back) }];
    }
    case 'conv2d': {
      if (second === undefined || isActive(second)) return undefined;
      const weights = facts.known[second];
      if (weights === undefined) return undefined;
      const { strides, pads } = node.attributes as OpAttributes['conv2d'];
      const shape = shaped(x);
      const [, , height = 1, width = 1] = shape;
      const attributes = { strides, pads, inputSize: [height, width] as const };
      const back = (a: NdArray, w: NdArray): NdArray =>
        evaluated('conv2dInputGrad', attributes, [a, w], shape);
      return [{ operand: x, slopes: linear(center, radius, weights, sizeOf(weights.shape), back) }];
    }
    default:
      return undefined;
  }
}

/** Through gates that are known: each pair passes what it receives, or the hull of that with zero where it may be shut. */
function gated({ center, radius }: Slopes, gate: Gate, shape: readonly number[]): Slopes {
  const [rows = 1] = shape;
  const inputs = sizeOf(shape) / rows;
  const outputs = center.data.length / rows;
  const down = zeros(shape);
  const up = zeros(shape);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < gate.output.length; k++) {
      const from = row * outputs + (gate.output[k] ?? 0);
      const to = row * inputs + (gate.input[k] ?? 0);
      const [c, r] = [center.data[from] ?? 0, radius.data[from] ?? 0];
      const open = gate.open[k] === 1;
      down.data[to] = (down.data[to] ?? 0) + (open ? c - r : Math.min(c - r, 0));
      up.data[to] = (up.data[to] ?? 0) + (open ? c + r : Math.max(c + r, 0));
    }
  }
  const middle = zip(down, up, (a, b) => (a + b) / 2);
  return inflated(
    middle,
    zip(down, up, (a, b) => (b - a) / 2),
    16,
  );
}

/** `(C ± R)·W ⊆ C·W ± (R + γ·|C|)·|W|` (Rump, "Fast and parallel interval arithmetic", BIT 1999). */
function linear(
  center: NdArray,
  radius: NdArray,
  weights: NdArray,
  terms: number,
  back: (a: NdArray, w: NdArray) => NdArray,
): Slopes {
  const gamma = slack(terms);
  const wide = zip(center, radius, (c, r) => r + gamma * Math.abs(c));
  const spread = back(wide, mapped(weights, Math.abs));
  return { center: back(center, weights), radius: mapped(spread, (r) => r * (1 + gamma)) };
}

/** Each slope to every element of its window, summed where windows overlap. */
function spread(node: OpNode, slopes: NdArray, shape: readonly number[]): NdArray {
  const { kernel, strides, pads } = node.attributes as OpAttributes['maxPool'];
  const [, , height = 1, width = 1] = shape;
  return evaluated('sumPoolGrad', { kernel, strides, pads, inputSize: [height, width] }, [slopes], shape);
}

function constantOf(graph: Graph, value: Value): NdArray | undefined {
  const node = nodeOf(graph, value);
  if (node.kind !== 'constant') return undefined;
  const size = sizeOf(node.type.shape);
  const data =
    node.data.length === size ? Float64Array.from(node.data) : new Float64Array(size).fill(node.data[0] ?? 0);
  return { shape: node.type.shape, data };
}

function evaluated<K extends OpName>(
  op: K,
  attributes: OpAttributes[K],
  operands: readonly NdArray[],
  shape: readonly number[],
): NdArray {
  const noise = (): never => {
    throw new Error(`${op} reads no noise`);
  };
  return REGISTRY[op].evaluate({ attributes, operands, type: { dtype: 'f32', shape }, noise });
}

function inflated(center: NdArray, radius: NdArray, roundings: number): Slopes {
  const unit = slack(roundings);
  return { center, radius: zip(center, radius, (c, r) => r * (1 + unit) + Math.abs(c) * unit) };
}

function sumOf(a: Slopes, b: Slopes): Slopes {
  const add = (x: number, y: number): number => x + y;
  return inflated(zip(a.center, b.center, add), zip(a.radius, b.radius, add), 2);
}

function zeros(shape: readonly number[]): NdArray {
  return { shape, data: new Float64Array(sizeOf(shape)) };
}

function mapped({ shape, data }: NdArray, f: (x: number) => number): NdArray {
  return { shape, data: data.map(f) };
}

function zip(a: NdArray, b: NdArray, f: (x: number, y: number) => number): NdArray {
  return { shape: a.shape, data: a.data.map((x, i) => f(x, b.data[i] ?? 0)) };
}
