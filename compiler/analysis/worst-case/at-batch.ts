import type { Errors, Range } from '../../ir/bound-rules.ts';
import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { OpAttributes } from '../../ir/op-attributes.ts';
import { normFrobenius } from '../../norms/entrywise.ts';
import { add, type Bound, fromNumber, max, multiply, toNumber } from '../../numeric/bound.ts';
import { evaluateNode, type NoiseSource } from '../../ops/evaluate.ts';
import { forEachWindow } from '../../ops/pooling/evaluate.ts';
import { NUMBERS } from './algebras.ts';
import type { Domain } from './domain.ts';
import { type Facts, factsOf, type InputFacts } from './facts.ts';
import { sampleForward, samplesIn } from './forward.ts';
import { type Gate, logitSlopes } from './jacobian.ts';
import { none, type PreparedStep, passErrors } from './pass.ts';

/**
 * The worst case over all roundings at one named batch and given parameters, in place of all inputs in range: real values are known, so
 * that ranges are what they are, and a mask or winner counts as uncertain only where an error may reach its margin.
 */
export interface BatchPoint {
  /** Every input of the step by name. */
  readonly inputs: ReadonlyMap<string, NdArray>;
  readonly noise: NoiseSource;
}

/** Every value of a step in real arithmetic, that is, in float64 with quantizers left out. */
export function realValues(graph: Graph, { inputs, noise }: BatchPoint): readonly NdArray[] {
  const values: NdArray[] = [];
  const operand = (value: Value): NdArray => {
    const found = values[value];
    if (found === undefined) throw new Error(`%${value} is read before it is computed`);
    return found;
  };
  for (const node of graph.nodes) {
    if (node.kind === 'op' && (node.op === 'quantize' || node.op === 'quantizeStochastic')) {
      values.push(operand(node.operands[0] ?? -1));
    } else if (node.kind === 'op' && node.op === 'quantizeMask') {
      values.push({ shape: node.type.shape, data: new Float64Array(sizeOf(node.type.shape)).fill(1) });
    } else values.push(evaluateNode(node, operand, inputs, noise));
  }
  return values;
}

/** What float64 may have changed in a value, as a share of the largest of its tensor: far more than it does. */
const FLOAT64 = fromNumber(2 ** -30);

/** The range that a tensor has, structure as the rules have it. */
function rangeAt(rule: Range, { data }: NdArray): Range {
  let pos = 0;
  let neg = 0;
  for (const x of data) {
    if (x > pos) pos = x;
    else if (-x > neg) neg = -x;
  }
  const slack = multiply(FLOAT64, max(fromNumber(pos), fromNumber(neg)));
  const root = fromNumber(Math.sqrt(data.length) * (1 + 2 ** -50));
  return {
    ...rule,
    pos: add(fromNumber(pos), slack),
    neg: rule.nonNegative ? fromNumber(0) : add(fromNumber(neg), slack),
    norm2: add(normFrobenius(data), multiply(root, slack)),
  };
}

/** Of a batch the range of whichever sample is largest, in either norm. */
function sampleRangeAt(rule: Range, value: NdArray, samples: number): Range {
  if (samples === 1) return rangeAt(rule, value);
  const size = value.data.length / samples;
  const ranges = Array.from({ length: samples }, (_, s) =>
    rangeAt(rule, { shape: [], data: value.data.subarray(s * size, (s + 1) * size) }),
  );
  return ranges.reduce((a, b) => ({
    ...a,
    pos: max(a.pos, b.pos),
    neg: max(a.neg, b.neg),
    norm2: max(a.norm2, b.norm2),
  }));
}

export interface AtBatchOptions {
  readonly domain?: Domain;
  readonly adjoint?: boolean;
  /** Samples whose slopes are followed, the first of the batch; all by default. The bound on logits is then one on theirs. */
  readonly samples?: number;
}

/** A step made ready at a batch, see `prepareStep`. */
export function prepareAtBatch(
  step: Graph,
  single: Graph,
  inputs: InputFacts,
  point: BatchPoint,
  { domain = 'meet', adjoint = domain === 'meet', samples }: AtBatchOptions = {},
): PreparedStep {
  const values = realValues(step, point);
  const rules = factsOf(step, inputs, 'meet');
  const at = (value: Value): NdArray => values[value] ?? { shape: [], data: new Float64Array(0) };
  const rule = (value: Value): Range => {
    const range = rules.ranges[value];
    if (range === undefined) throw new Error(`%${value} has no range`);
    return range;
  };
  const facts: Facts = {
    ...factsOf(
      step,
      inputs,
      domain,
      (value) => ({
        range: rangeAt(rule(value), at(value)),
        known: rules.known[value],
        rounding: rules.roundings[value],
      }),
      rules.memos,
    ),
    point: values,
  };
  const forward = sampleForward(step, single);
  if (forward === undefined) {
    return { graph: step, facts, domain, sample: undefined, adjoint: none('batch norm') };
  }
  const back = new Map([...forward.counterpart].map(([value, twin]) => [twin, value]));
  const sampleFacts = factsOf(
    single,
    inputs,
    domain,
    (twin) => {
      const value = back.get(twin);
      if (value === undefined) return undefined;
      const count = samplesIn(step, value, single, twin);
      return {
        range: sampleRangeAt(rule(value), at(value), count),
        known: rules.known[value],
        rounding: rules.roundings[value],
      };
    },
    rules.memos,
  );
  const sample = { forward, facts: sampleFacts };
  const prepared: PreparedStep = { graph: step, facts, domain, sample, adjoint: none('weights') };
  if (!adjoint) return prepared;
  const errors = passErrors(prepared, { algebra: NUMBERS });
  const x = single.nodes.findIndex((node) => node.kind === 'input' && node.input === 'x');
  const logits = single.outputs.find(({ name }) => name === 'logits')?.value ?? -1;
  const whole = back.get(logits);
  if (x < 0 || whole === undefined) return prepared;
  const count = Math.min(samples ?? Infinity, samplesIn(step, whole, single, logits));
  const slopes = Array.from({ length: count }, (_, s) => {
    const gates = (twin: Value): Gate | undefined => {
      const value = back.get(twin);
      if (value === undefined) return undefined;
      return gateOf(single, nodeOf(single, twin) as OpNode, step, value, s, at, errors);
    };
    return logitSlopes(single, sampleFacts, x, logits, gates);
  });
  const found = slopes.flatMap((result) => (result.slopes === undefined ? [] : [result.slopes]));
  if (found.length < slopes.length) return prepared;
  return { ...prepared, adjoint: { slopes: found, logits } };
}

/** The gate of a relu or pooling for one sample, from its real operand and the bound of that operand's error. */
function gateOf(
  single: Graph,
  node: OpNode,
  step: Graph,
  value: Value,
  sample: number,
  at: (value: Value) => NdArray,
  errors: readonly Errors<Bound>[],
): Gate | undefined {
  if (node.op !== 'relu' && node.op !== 'maxPool') return undefined;
  const own = nodeOf(step, value);
  const operand = own.kind === 'op' ? own.operands[0] : undefined;
  const [twin] = node.operands;
  if (operand === undefined || twin === undefined) return undefined;
  const shape = nodeOf(single, twin).type.shape;
  const size = sizeOf(shape);
  const x = at(operand).data.subarray(sample * size, (sample + 1) * size);
  const largest = x.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const error = toNumber(errors[operand]?.inf ?? fromNumber(Number.MAX_VALUE)) + largest * 2 ** -30;
  return node.op === 'relu'
    ? reluGate(x, error)
    : poolGate(x, shape, node.attributes as OpAttributes['maxPool'], error);
}

function gateFrom(pairs: readonly (readonly [output: number, input: number, open: boolean])[]): Gate {
  return {
    output: Int32Array.from(pairs, ([output]) => output),
    input: Int32Array.from(pairs, ([, input]) => input),
    open: Uint8Array.from(pairs, ([, , open]) => (open ? 1 : 0)),
  };
}

function reluGate(x: Float64Array, error: number): Gate {
  const pairs: (readonly [number, number, boolean])[] = [];
  x.forEach((z, i) => {
    if (z > error) pairs.push([i, i, true]);
    else if (z >= -error) pairs.push([i, i, false]);
  });
  return gateFrom(pairs);
}

/** An element may win where it is within twice the error of the largest; it does where no other is. */
function poolGate(
  x: Float64Array,
  shape: readonly number[],
  window: OpAttributes['maxPool'],
  error: number,
): Gate {
  const windows: number[][] = [];
  forEachWindow(shape, window, (output, input) => {
    let members = windows[output];
    if (members === undefined) {
      members = [];
      windows[output] = members;
    }
    members.push(input);
  });
  const pairs: (readonly [number, number, boolean])[] = [];
  windows.forEach((members, output) => {
    const top = members.reduce((most, i) => Math.max(most, x[i] ?? 0), -Infinity);
    const near = members.filter((i) => (x[i] ?? 0) >= top - 2 * error);
    for (const input of near) pairs.push([output, input, near.length === 1]);
  });
  return gateFrom(pairs);
}
