import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Graph } from '../../compiler/ir/graph.ts';
import { POOL_STEPS } from '../../compiler/numeric/random.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import type { Engine, HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';

function f32(shape: readonly number[], data: readonly number[]): HostTensor {
  return { dtype: 'f32', shape, data: Float32Array.from(data) };
}

/** Noise of both distributions, streams of several sizes. */
function noises(): Graph {
  const builder = newBuilder();
  const outputs = [
    { name: 'a', value: builder.op('uniform', [], { shape: [3, 4], stream: 'a' }) },
    { name: 'b', value: builder.op('uniform', [], { shape: [50, 50, 50], stream: 'b' }) },
    { name: 'c', value: builder.op('normal', [], { shape: [7], stream: 'c' }) },
  ];
  return builder.build('noises', outputs);
}

function affine(): Graph {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: [2, 2] });
  const labels = builder.input('labels', 'batch', { dtype: 'i32', shape: [2] });
  const value = builder.op('add', [x, builder.op('oneHot', [labels], { depth: 2 })], {});
  return builder.build('affine', [{ name: 'y', value }]);
}

let engines: readonly Engine[];
beforeAll(async () => {
  engines = [await createOnnxEngine({ threads: 2 }), createReferenceEngine()];
});
afterAll(async () => {
  for (const engine of engines) await engine.dispose();
});

describe('noise', () => {
  test('is that of the reference at every step, over the end of a pool', async () => {
    const [onnx, reference] = await Promise.all(engines.map((e) => e.load(noises(), { seed: 9 })));
    for (const step of [0, 1, POOL_STEPS - 1, POOL_STEPS, 3 * POOL_STEPS + 5, 1]) {
      expect(await onnx?.run(new Map(), step), `step ${step}`).toEqual(await reference?.run(new Map(), step));
    }
    await onnx?.dispose();
  });

  test('differs by seed and step', async () => {
    const graph = noises();
    const draws: string[] = [];
    for (const seed of [1, 2, 2 ** 40 + 1]) {
      const executable = await engines[0]?.load(graph, { seed });
      for (const step of [0, 1]) {
        const a = (await executable?.run(new Map(), step))?.get('a')?.data;
        draws.push(String(a));
      }
      await executable?.dispose();
    }
    expect(new Set(draws).size).toBe(draws.length);
  });
});

describe.each([0, 1])('engine %i', (index) => {
  async function run(inputs: Tensors): Promise<Tensors | undefined> {
    const executable = await engines[index]?.load(affine(), { seed: 0 });
    try {
      return await executable?.run(inputs, 0);
    } finally {
      await executable?.dispose();
    }
  }
  const x = f32([2, 2], [1, 2, 3, 4]);
  const labels: HostTensor = { dtype: 'i32', shape: [2], data: Int32Array.of(1, 0) };

  test('takes floats and labels, and does not mind more inputs than the graph has', async () => {
    const found = await run(
      new Map([
        ['x', x],
        ['labels', labels],
        ['other', x],
      ]),
    );
    expect(found).toEqual(new Map([['y', f32([2, 2], [1, 3, 4, 4])]]));
  });

  test('names a missing input, and one of another shape', async () => {
    await expect(run(new Map([['x', x]]))).rejects.toThrow("no value for the input 'labels'");
    const wrong = f32([4], [1, 2, 3, 4]);
    await expect(
      run(
        new Map([
          ['x', wrong],
          ['labels', labels],
        ]),
      ),
    ).rejects.toThrow(/the input 'x' .*\[4\].*\[2,2\]/);
  });
});

test('the same inputs give the same bits again and again', async () => {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: [64, 300] });
  const value = builder.op(
    'softmax',
    [builder.op('matmul', [x, x], { transposeA: false, transposeB: true })],
    {},
  );
  const graph = builder.build('products', [{ name: 'y', value }]);
  const inputs = new Map([
    [
      'x',
      f32(
        [64, 300],
        Array.from({ length: 19200 }, (_, i) => Math.sin(i) / 10),
      ),
    ],
  ]);
  const executable = await engines[0]?.load(graph, { seed: 0 });
  const again = await engines[0]?.load(graph, { seed: 0 });
  const first = await executable?.run(inputs, 0);
  for (let i = 0; i < 5; i++) expect(await executable?.run(inputs, 0)).toEqual(first);
  expect(await again?.run(inputs, 0)).toEqual(first);
  await executable?.dispose();
  await again?.dispose();
});

test('without onnxruntime-node the error names the engine, the library and the cause', async () => {
  vi.resetModules();
  vi.doMock('onnxruntime-node', () => {
    throw new Error('Cannot find package');
  });
  const fresh = await import('../../runtime/engines/onnx.ts');
  const { EngineUnavailable } = await import('../../runtime/engines/engine.ts');
  const failure: unknown = await fresh.createOnnxEngine().catch((error: unknown) => error);
  vi.doUnmock('onnxruntime-node');
  expect(failure).toBeInstanceOf(EngineUnavailable);
  expect(failure).toMatchObject({ engine: 'onnx', library: 'onnxruntime-node' });
  expect(String(failure)).toMatch(
    /^EngineUnavailable: the onnx engine needs onnxruntime-node, which does not load: /,
  );
});
