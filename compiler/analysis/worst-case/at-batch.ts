import type { Errors, ErrorTerms, Range } from '../../ir/bound-rules.ts';
import type { Graph, OpNode, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import { isQuantizer } from '../../ir/quantizers.ts';
import type { Gate } from '../../ir/slopes.ts';
import { normFrobenius } from '../../norms/entrywise.ts';
import {
  add,
  type Bound,
  fromNumber,
  max,
  multiply,
  toNumber,
  UNBOUNDED,
  ZERO,
} from '../../numeric/bound.ts';
import { evaluateNode, type NoiseSource } from '../../ops/evaluate.ts';
import { elementErrors } from './adjoint.ts';
import { NUMBERS } from './algebras.ts';
import type { Domain } from './domain.ts';
import { type Facts, factsOf, type InputFacts } from './facts.ts';
import { type SampleForward, sampleForward, samplesIn } from './forward.ts';
import { gateOf } from './gates.ts';
import { slopesOf } from './jacobian.ts';
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
    if (node.kind === 'op' && isQuantizer(node.op)) {
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
  const largest = (of: (range: Range) => Bound): Bound => ranges.map(of).reduce(max);
  return { ...rule, pos: largest((r) => r.pos), neg: largest((r) => r.neg), norm2: largest((r) => r.norm2) };
}

export interface AtBatchOptions {
  readonly domain?: Domain;
  readonly adjoint?: boolean;
}

/** A step made ready at a batch, see `prepareStep`. */
export function prepareAtBatch(
  step: Graph,
  single: Graph,
  inputs: InputFacts,
  point: BatchPoint,
  { domain = 'meet', adjoint = domain === 'meet' }: AtBatchOptions = {},
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
  const x = single.nodes.findIndex((node) => node.kind === 'input' && node.input === 'x');
  const logits = single.outputs.find(({ name }) => name === 'logits')?.value ?? -1;
  const whole = back.get(logits);
  if (x < 0 || whole === undefined) return prepared;
  return { ...prepared, limits: sampleLimits(prepared, forward, back, at, { x, logits }) };
}

/** Values with more elements than this are bounded by the other domains alone: their slopes would be too many. */
const MOST_ROWS = 512;

/**
 * Bounds of the operands of relus and poolings and of the logits by slopes, sample by sample, in the order of the graph: what one settles
 * the next one profits from. Each is the largest over the samples.
 */
function sampleLimits(
  prepared: PreparedStep,
  { graph: single, counterpart }: SampleForward,
  back: ReadonlyMap<Value, Value>,
  at: (value: Value) => NdArray,
  { x, logits }: { readonly x: Value; readonly logits: Value },
): ReadonlyMap<Value, Errors<Bound>> {
  const { graph: step } = prepared;
  const own = new Map<Value, ErrorTerms<Bound>>();
  const errors = passErrors(prepared, {
    algebra: NUMBERS,
    terms: (value, terms) => {
      const twin = counterpart.get(value);
      if (twin !== undefined && !own.has(twin)) own.set(twin, terms);
      return terms;
    },
  });
  const zero: Errors<Bound> = { inf: ZERO, two: ZERO };
  const kinks = [...back.keys()].filter((twin) => {
    const node = nodeOf(single, twin);
    return node.kind === 'op' && (node.op === 'relu' || node.op === 'maxPool') && twin < logits;
  });
  const limits = new Map<Value, Errors<Bound>>();
  const samples = samplesIn(step, back.get(logits) ?? -1, single, logits);
  for (let sample = 0; sample < samples; sample++) {
    const gates = new Map<Value, Gate>();
    const bounded = (output: Value): Float64Array | undefined => {
      if (sizeOf(nodeOf(single, output).type.shape) > MOST_ROWS) return undefined;
      const { slopes } = slopesOf(single, prepared.sample?.facts ?? prepared.facts, x, output, (v) =>
        gates.get(v),
      );
      if (slopes === undefined) return undefined;
      const found = elementErrors(
        single,
        slopes,
        (value) => own.get(value),
        () => zero,
      );
      const known = limits.get(output);
      const [inf, two] = [fromFloat(Math.max(0, ...found)), fromFloat(norm(found))];
      limits.set(
        output,
        known === undefined ? { inf, two } : { inf: max(known.inf, inf), two: max(known.two, two) },
      );
      return found;
    };
    for (const twin of kinks.sort((a, b) => a - b)) {
      const node = nodeOf(single, twin) as OpNode;
      const [operand = -1] = node.operands;
      const size = sizeOf(nodeOf(single, operand).type.shape);
      const value = at(back.get(operand) ?? -1).data.subarray(sample * size, (sample + 1) * size);
      const general = toNumber(errors[back.get(operand) ?? -1]?.inf ?? UNBOUNDED);
      const each = bounded(operand);
      const error = (i: number): number => Math.min(general, each?.[i] ?? Infinity);
      gates.set(twin, gateOf(node, value, nodeOf(single, operand).type.shape, error));
    }
    bounded(logits);
  }
  // What one sample lacks, all lack: a limit holds for every sample or for none.
  return limits;
}

function norm(xs: Float64Array): number {
  return Math.sqrt(xs.reduce((total, x) => total + x * x, 0)) * (1 + 2 ** -40);
}

function fromFloat(x: number): Bound {
  return Number.isFinite(x) ? fromNumber(x) : UNBOUNDED;
}
