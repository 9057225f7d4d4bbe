import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Graph, Value } from '../../compiler/ir/graph.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import type { Engine, HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { SAMPLES, type Sample } from '../ops/samples.ts';
import { backward } from '../support/calculus.ts';

/** Distance allowed from the float64 reference, in units of the largest magnitude of a tensor: 16 unit roundoffs of float32. */
const TOLERANCE = 2 ** -20;
const SEED = 11;
const STEP = 3;

/** One op as a graph with its value, and the gradients of `Σ u·value` where a cotangent flows. */
function sampleGraph<K extends OpName>(
  op: K,
  sample: Sample<K>,
  flows: readonly number[],
): { readonly graph: Graph; readonly inputs: Tensors } {
  const builder = newBuilder();
  const inputs = new Map<string, HostTensor>();
  const values = sample.operands.map(({ shape, draw, dtype = 'f32' }, i): Value => {
    const name = `x${i}`;
    const data = draw(
      `${op} ${name}`,
      shape.reduce((a, b) => a * b, 1),
    );
    inputs.set(
      name,
      dtype === 'f32'
        ? { dtype, shape, data: Float32Array.from(data) }
        : { dtype, shape, data: Int32Array.from(data) },
    );
    return builder.input(name, 'parameter', { dtype, shape });
  });
  const value = builder.op(op, values, sample.attributes);
  const outputs = [{ name: 'value', value }];
  if (flows.length > 0) {
    const shape = builder.shapeOf(value);
    const cotangent = builder.input('u', 'parameter', { dtype: 'f32', shape });
    const size = shape.reduce((a, b) => a * b, 1);
    const draw =
      sample.cotangent ?? ((_: string, n: number) => Array.from({ length: n }, (__, i) => 0.5 + i / 7));
    inputs.set('u', { dtype: 'f32', shape, data: Float32Array.from(draw(`${op} u`, size)) });
    const wrt = flows.flatMap((i) => values[i] ?? []);
    differentiate(builder, value, wrt, backward, cotangent).forEach((gradient, i) => {
      outputs.push({ name: `gradient${flows[i]}`, value: gradient });
    });
  }
  return { graph: builder.build(op, outputs), inputs };
}

async function run(engine: Engine, graph: Graph, inputs: Tensors): Promise<Tensors> {
  const executable = await engine.load(graph, { seed: SEED });
  try {
    return await executable.run(inputs, STEP);
  } finally {
    await executable.dispose();
  }
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs((a[i] ?? NaN) - (b[i] ?? NaN)));
  return largest;
}

describe.each(['basic', 'all'] as const)('onnxruntime at %s', (optimization) => {
  let engine: Engine;
  const reference = createReferenceEngine();
  beforeAll(async () => {
    engine = await createOnnxEngine({ threads: 1, optimization });
  });
  afterAll(() => engine.dispose());

  function cases<K extends OpName>(op: K): void {
    const { samples, flows } = SAMPLES[op];
    for (const sample of samples) {
      test(`${op}: ${sample.title}`, async () => {
        const { graph, inputs } = sampleGraph(op, sample, flows);
        const expected = await run(reference, graph, inputs);
        const found = await run(engine, graph, inputs);
        expect([...found.keys()]).toEqual([...expected.keys()]);
        for (const [name, tensor] of expected) {
          const other = found.get(name);
          expect(other?.shape, name).toEqual(tensor.shape);
          const scale = Math.max(1, ...tensor.data.map(Math.abs));
          expect(distance(other?.data ?? [], tensor.data), name).toBeLessThanOrEqual(TOLERANCE * scale);
        }
      });
    }
  }
  for (const op of Object.keys(SAMPLES) as OpName[]) cases(op);
});
