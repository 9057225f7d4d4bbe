import { describe, expect, test } from 'vitest';
import type { Graph } from '../../../compiler/ir/graph.ts';
import { sizeOf } from '../../../compiler/ir/graph.ts';
import type { OpName } from '../../../compiler/ir/op-attributes.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';
import type { HostTensor, Tensors } from '../../../runtime/engines/engine.ts';
import { createReferenceEngine } from '../../../runtime/engines/reference.ts';
import { createTfjsEngine } from '../../../runtime/engines/tfjs.ts';
import { SAMPLES, type Sample } from '../../ops/samples.ts';

function graphOf<K extends OpName>(
  op: K,
  sample: Sample<K>,
): { readonly graph: Graph; readonly inputs: Tensors } {
  const builder = newBuilder();
  const inputs = new Map<string, HostTensor>();
  const operands = sample.operands.map(({ shape, draw, dtype = 'f32' }, i) => {
    const name = `x${i}`;
    const data = draw(`${op} ${sample.title} ${i}`, sizeOf(shape));
    const tensor: HostTensor =
      dtype === 'i32'
        ? { dtype, shape, data: Int32Array.from(data) }
        : { dtype, shape, data: Float32Array.from(data) };
    inputs.set(name, tensor);
    return builder.input(name, 'batch', { dtype, shape });
  });
  const result = builder.op(op, operands, sample.attributes);
  return { graph: builder.build(`one ${op}`, [{ name: 'y', value: result }]), inputs };
}

/** Largest distance in units of the largest reference magnitude. */
function distance(a: HostTensor | undefined, b: HostTensor | undefined): number {
  if (!a || !b) throw new Error('an engine returned nothing');
  expect(a.shape).toEqual(b.shape);
  const scale = Math.max(1, ...b.data.map(Math.abs));
  return (
    Math.max(0, ...Array.from(a.data, (value, i) => Math.abs(value - (b.data[i] ?? Number.NaN)))) / scale
  );
}

describe('every op, emitted and run, agrees with the reference evaluator', () => {
  const reference = createReferenceEngine();
  for (const op of Object.keys(SAMPLES) as OpName[]) {
    const { samples } = SAMPLES[op] as { readonly samples: readonly Sample<OpName>[] };
    test.each(samples.map((s) => [s.title, s] as const))(`${op}: %s`, async (_, sample) => {
      const { graph, inputs } = graphOf(op, sample);
      const results = await Promise.all(
        [await createTfjsEngine(), reference].map(async (engine) =>
          (await engine.load(graph, { seed: 3 })).run(inputs, 5),
        ),
      );
      expect(distance(results[0]?.get('y'), results[1]?.get('y'))).toBeLessThan(1e-5);
    });
  }
});
