import { describe, expect, test } from 'vitest';
import type { Graph, Value } from '../../compiler/ir/graph.ts';
import type { IntElement } from '../../compiler/numeric/format.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { quantizeCode, roundHalfEven } from '../../compiler/numeric/round.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { describeDivergence, measureAgreement } from '../../runtime/engines/agreement/agreement.ts';
import { OpComparison } from '../../runtime/engines/agreement/ops.ts';
import type { Engine, HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { compileText, specText } from '../support/compile.ts';

/** Replaces what an engine gives for some outputs. */
type Fault = (output: string, data: Float32Array, inputs: Tensors) => Float32Array;

/** The reference evaluator under an engine's name, with a fault. */
function faulty(name: 'onnx' | 'tfjs', fault: Fault): Engine {
  const reference = createReferenceEngine();
  return {
    ...reference,
    name,
    load: async (graph, options) => {
      const executable = await reference.load(graph, options);
      return {
        ...executable,
        run: async (inputs, step) => {
          const outputs = await executable.run(inputs, step);
          const changed = [...outputs].map(([output, tensor]): [string, HostTensor] =>
            tensor.dtype === 'f32'
              ? [output, { ...tensor, data: fault(output, tensor.data, inputs) }]
              : [output, tensor],
          );
          return new Map(changed);
        },
      };
    },
  };
}

const sound: Fault = (_, data) => data;

/** Adds to one element of one output. */
function added(output: string, index: number, amount: number): Fault {
  return (name, data) => (name === output ? data.map((x, i) => (i === index ? x + amount : x)) : data);
}

describe('in a training program', () => {
  const { program, spec } = compileText(
    specText({
      model: 'x |> maxpool(4)\n  |> flatten |> dense(10) as f1',
      precision: 'weights: int8 activations: uint8 gradients: int8 stochastic',
    }),
  );
  const opNamed = (op: string, name: string): Value => {
    const found = program.step.nodes.findIndex(
      (n) => n.kind === 'op' && n.op === op && n.origin.name === name,
    );
    if (found < 0) throw new Error(`no ${op} is named '${name}'`);
    return found;
  };
  const measured = (fault: Fault) =>
    measureAgreement(program, [faulty('onnx', sound), faulty('tfjs', fault)], { steps: 2, seed: 1 });

  test('float32 copies of float64 results diverge nowhere', async () => {
    const { divergences, drift, nonFinite } = await measured(sound);
    expect(divergences).toEqual([]);
    expect(nonFinite).toBe(0);
    for (const { largest } of drift.get('tfjs − onnx')?.values() ?? []) expect(largest.absolute).toBe(0);
  });

  test('a code that is no tie may not flip, and its tensor is named', async () => {
    const weights = opNamed('quantize', 'f1.weights');
    const { divergences } = await measured((name, data) =>
      name === `result.${weights}` ? data.map((x, i) => (i === 7 ? x + Math.max(...data) / 127 : x)) : data,
    );
    expect(divergences.map(({ engine, step, tensor, index }) => [engine, step, tensor.name, index])).toEqual([
      ['tfjs', 0, 'f1.weights', 7],
      ['tfjs', 1, 'f1.weights', 7],
    ]);
    const [first] = divergences;
    expect(first && describeDivergence(first, spec.source)).toMatch(
      /^step 0, f1\.weights \(quantize of F, test\.qspec:4\): element 7 is \S+ in tfjs where float64 has \S+; rounding explains \S+$/,
    );
  });

  test('the first of several divergent tensors is the one that is named', async () => {
    const weights = opNamed('quantize', 'f1.weights');
    const later = opNamed('quantizeStochastic', 'f1.grad');
    const both: Fault = (name, data, inputs) =>
      added(`result.${later}`, 0, 1)(name, added(`result.${weights}`, 0, 1)(name, data, inputs), inputs);
    const { divergences } = await measured(both);
    expect(divergences.map(({ tensor }) => tensor.name)).toEqual(['f1.weights', 'f1.weights']);
  });

  test('drift is measured between whole steps', async () => {
    const { divergences, drift } = await measured(added('f1.weights', 3, 0.25));
    expect(divergences).toEqual([]);
    const figures = drift.get('tfjs − onnx');
    expect(figures?.get('f1.weights')?.median.absolute).toBeCloseTo(0.25, 6);
    expect(figures?.get('loss')?.largest.absolute).toBe(0);
  });
});

describe('a bound is no larger than stated', () => {
  const builder = newBuilder();
  const ones = builder.input('x', 'batch', { dtype: 'f32', shape: [8] });
  const sum = builder.op('sum', [ones], { axes: [0], keepDims: false });
  const graph = builder.build('sum', [{ name: 'y', value: sum }]);
  const inputs: Tensors = new Map([['x', { dtype: 'f32', shape: [8], data: new Float32Array(8).fill(1) }]]);
  /** Unit in the last place of 8, `16u`; seven additions of eight ones are bounded by `7u · 8`. */
  const ulp = 2 ** -20;

  test.each([
    [3 * ulp, 0],
    [-3 * ulp, 0],
    [4 * ulp, 1],
    [-4 * ulp, 1],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
  ])('a sum of eight ones that is %d off gives %d divergences', async (amount, count) => {
    expect(await divergencesOf(graph, inputs, added(`result.${sum}`, 0, amount))).toHaveLength(count);
  });
});

describe('quantizers that are nearly right', () => {
  const INT16: IntElement = { kind: 'int', bits: 16, signed: true, narrow: true };
  const COUNT = 20_000;

  function quantizer(scale: number, values: Float32Array) {
    const builder = newBuilder();
    const x = builder.input('x', 'batch', { dtype: 'f32', shape: [values.length] });
    const s = builder.input('s', 'batch', { dtype: 'f32', shape: [] });
    const y = builder.op('quantize', [x, s], { element: INT16 });
    return {
      graph: builder.build('quantizer', [{ name: 'y', value: y }]),
      inputs: new Map<string, HostTensor>([
        ['x', { dtype: 'f32', shape: [values.length], data: values }],
        ['s', { dtype: 'f32', shape: [], data: Float32Array.of(scale) }],
      ]),
    };
  }

  test('multiplying by the reciprocal of the scale is found out', async () => {
    const scale = Math.fround(1 / 32_811.9);
    const values = uniforms(1, 'x', 0, COUNT);
    const { graph, inputs } = quantizer(scale, values);
    const reciprocal = Math.fround(1 / scale);
    const divided: Fault = () => values.map((x) => quantizeCode(Math.fround(x / scale), 1, INT16) * scale);
    const multiplied: Fault = () =>
      values.map((x) => quantizeCode(Math.fround(x * reciprocal), 1, INT16) * scale);
    expect(await divergencesOf(graph, inputs, divided)).toEqual([]);
    expect(await divergencesOf(graph, inputs, multiplied)).toHaveLength(1);
  });

  test('ties away from the even code are found out', async () => {
    const scale = 2 ** -4;
    const values = Float32Array.from({ length: 8 }, (_, i) => (i + 0.5) * scale);
    const { graph, inputs } = quantizer(scale, values);
    const even: Fault = () => values.map((x) => roundHalfEven(x / scale) * scale);
    const up: Fault = () => values.map((x) => Math.round(x / scale) * scale);
    expect(await divergencesOf(graph, inputs, even)).toEqual([]);
    expect(await divergencesOf(graph, inputs, up)).toHaveLength(1);
  });
});

async function divergencesOf(graph: Graph, inputs: Tensors, fault: Fault) {
  const comparison = await OpComparison.create(graph, [faulty('onnx', fault)], 1);
  await comparison.compare(inputs, 0);
  await comparison.dispose();
  return comparison.divergences;
}
