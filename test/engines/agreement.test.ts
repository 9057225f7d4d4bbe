import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Graph, Value } from '../../compiler/ir/graph.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import {
  describeDivergence,
  measureAgreement,
  programAtBatch,
} from '../../runtime/engines/agreement/agreement.ts';
import { OpComparison } from '../../runtime/engines/agreement/ops.ts';
import type { Engine, HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { createTfjsEngine } from '../../runtime/engines/tfjs.ts';
import { SAMPLES, type Sample } from '../ops/samples.ts';
import { compileSpec } from '../support/compile.ts';
import { FULL } from '../support/property.ts';
import { nearTies } from '../support/ties.ts';

/** Steps of each model under `npm run check:full` and otherwise. */
const MODELS = [
  { spec: 'cnn2-mnist', full: 50, part: 1 },
  { spec: 'cnn4-fashion', full: 50, part: 1 },
  { spec: 'resnet8-cifar10', full: 50, part: 1 },
  { spec: 't0-regression', full: 50, part: 50 },
  { spec: 'mixed-formats', full: 50, part: 2 },
];
const OPS = Object.keys(SAMPLES) as OpName[];
const BATCH = 4;
const SEED = 5;
const TIMEOUT = FULL ? 7_200_000 : 300_000;

let engines: readonly [Engine, Engine];
beforeAll(async () => {
  engines = [await createOnnxEngine(), await createTfjsEngine()];
});
afterAll(async () => {
  for (const engine of engines) await engine.dispose();
});

describe('the onnx and the tfjs engine agree op by op', () => {
  test.each(MODELS)(
    'on $spec',
    async ({ spec, full, part }) => {
      const compiled = compileSpec(spec);
      const program = programAtBatch(compiled, BATCH);
      const steps = FULL ? full : part;
      const found = await measureAgreement(program, engines, { steps, seed: SEED });
      expect(found.divergences.map((d) => describeDivergence(d, compiled.spec.source))).toEqual([]);
      expect(found.nonFinite).toBe(0);
      for (const { distance, proved } of found.flips) expect(distance).toBeLessThanOrEqual(proved);
      const outputs = program.step.outputs.map(({ name }) => name).sort();
      expect([...found.drift.keys()].sort()).toEqual(['reference − onnx', 'reference − tfjs', 'tfjs − onnx']);
      for (const tensors of found.drift.values()) expect([...tensors.keys()].sort()).toEqual(outputs);
    },
    TIMEOUT,
  );

  test('on samples of every op', async () => {
    // The samples of the two kinds of noise share the name of their stream.
    for (const ops of [['normal'], OPS.filter((op) => op !== 'normal')] as const) {
      const { graph, inputs } = samplesOf(ops);
      const comparison = await compared(graph, inputs);
      expect(comparison.divergences).toEqual([]);
      expect([...comparison.table.keys()].sort()).toEqual([...ops].sort());
    }
  });

  test('next to the ties of every kind of grid, where codes flip', async () => {
    const { graph, inputs } = nearTies();
    const comparison = await compared(graph, inputs);
    expect(comparison.divergences).toEqual([]);
    for (const op of ['quantize', 'quantizeStochastic', 'quantizeMask'] as const) {
      const figures = comparison.table.get(op)?.get('onnx');
      expect(figures?.flips, op).toBeGreaterThan(0);
      expect(figures?.largestTie, op).toBeLessThanOrEqual(1);
    }
  });
});

async function compared(graph: Graph, inputs: Tensors): Promise<OpComparison> {
  const comparison = await OpComparison.create(graph, engines, SEED);
  await comparison.compare(inputs, 0);
  await comparison.dispose();
  return comparison;
}

/** One graph of all samples of some ops. */
function samplesOf(ops: readonly OpName[]): { readonly graph: Graph; readonly inputs: Tensors } {
  const builder = newBuilder();
  const inputs = new Map<string, HostTensor>();
  const outputs: { name: string; value: Value }[] = [];
  const add = <K extends OpName>(op: K, { operands, attributes }: Sample<K>): void => {
    const values = operands.map(({ shape, draw, dtype = 'f32' }) => {
      const name = `x${inputs.size}`;
      const data = draw(
        name,
        shape.reduce((a, b) => a * b, 1),
      );
      inputs.set(
        name,
        dtype === 'f32'
          ? { dtype, shape, data: Float32Array.from(data) }
          : { dtype, shape, data: Int32Array.from(data) },
      );
      return builder.input(name, 'batch', { dtype, shape });
    });
    outputs.push({ name: `y${outputs.length}`, value: builder.op(op, values, attributes) });
  };
  const addAll = <K extends OpName>(op: K): void => {
    for (const sample of SAMPLES[op].samples) add(op, sample);
  };
  for (const op of ops) addAll(op);
  return { graph: builder.build('samples', outputs), inputs };
}
