import { describe, expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import { printModel } from '../../../compiler/emit/onnx/print.ts';
import type { Graph } from '../../../compiler/ir/graph.ts';
import { evaluate } from '../../../compiler/ops/evaluate.ts';
import { noNoise } from '../../../compiler/ops/pool-noise.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';
import { loadModel } from '../../../runtime/engines/onnx-model.ts';
import { deployedNet, int, referenceInputs } from './nets.ts';

test.each([2, 4, 8])('the text of a network of int%i weights', async (bits) => {
  const net = deployedNet(1, int(bits));
  const { model } = emitOnnx(net.graph, {
    scheme: 'qdq',
    initializers: net.frozen,
    symbolicBatch: true,
    metadata: { version: '0.0.0', properties: { spec: 'net' } },
  });
  await expect(printModel(model)).toMatchFileSnapshot(`golden/qdq-int${bits}.txt`);
});

/** One step of stochastic gradient descent on `½‖w·x‖²` with noise on w and a stochastic quantizer. */
function step(): Graph {
  const builder = newBuilder();
  const x = builder.named('x', () => builder.input('x', 'batch', { dtype: 'f32', shape: [4, 3] }));
  const w = builder.named('w', () => builder.input('w', 'parameter', { dtype: 'f32', shape: [2, 3] }));
  const lr = builder.named('lr', () => builder.input('lr', 'hyper', { dtype: 'f32', shape: [] }));
  const noisy = builder.named('w.noisy', () =>
    builder.op('add', [w, builder.op('normal', [], { shape: [2, 3], stream: 'w.noise' })], {}),
  );
  const y = builder.named('y', () =>
    builder.op('matmul', [x, noisy], { transposeA: false, transposeB: true }),
  );
  const gradient = builder.named('w.grad', () => {
    const raw = builder.op('matmul', [y, x], { transposeA: true, transposeB: false });
    const scale = builder.op('quantScale', [raw], { element: int(8), axes: [0, 1], kind: 'absmax' });
    const noise = builder.op('uniform', [], { shape: [2, 3], stream: 'w.grad' });
    return builder.op('quantizeStochastic', [raw, scale, noise], { element: int(8) });
  });
  const next = builder.named('w.step', () =>
    builder.op('sub', [w, builder.op('mul', [lr, gradient], {})], {}),
  );
  return builder.build('step', [
    { name: 'w', value: next },
    { name: 'w.grad', value: gradient },
    { name: 'lr', value: lr },
  ]);
}

test('the text of a training step', async () => {
  const { model } = emitOnnx(step(), { scheme: 'arithmetic' });
  expect(checkModel(model)).toEqual([]);
  await expect(printModel(model)).toMatchFileSnapshot('golden/step.txt');
});

describe('names', () => {
  test('the new value of an input is called `.next`; other outputs keep their names', () => {
    const { outputs, model } = emitOnnx(step(), { scheme: 'arithmetic' });
    expect([...outputs]).toEqual([
      ['w', 'w.next'],
      ['w.grad', 'w.grad'],
      ['lr', 'lr.next'],
    ]);
    expect(model.graph.output.map((o) => o.name)).toEqual(['w.next', 'w.grad', 'lr.next']);
  });

  test('an output may be an input, or a value that another output is', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'batch', { dtype: 'f32', shape: [2] });
    const y = builder.op('neg', [x], {});
    const graph = builder.build(
      'copies',
      ['a', 'b'].map((name) => ({ name, value: y })).concat({ name: 'c', value: x }),
    );
    const { model } = emitOnnx(graph, { scheme: 'arithmetic' });
    expect(checkModel(model)).toEqual([]);
    expect(model.graph.node.map((n) => `${n.opType} ${n.input} → ${n.output}`)).toEqual([
      'Neg x → a',
      'Identity a → b',
      'Identity x → c',
    ]);
  });

  test('names of the spec that look like ours stay apart', () => {
    const builder = newBuilder();
    const names = ['const.float.0', 'y.Neg', 'y'];
    const inputs = names.map((name) => builder.input(name, 'batch', { dtype: 'f32', shape: [2] }));
    const sum = inputs
      .map((v) => builder.named('y', () => builder.op('neg', [v], {})))
      .reduce((a, b) => builder.op('add', [a, b], {}));
    const value = builder.op('step', [sum], {});
    const { model } = emitOnnx(builder.build('names', [{ name: 'out', value }]), { scheme: 'arithmetic' });
    expect(checkModel(model)).toEqual([]);
  });
});

test('each noise stream is an input, a slice of the pool of its distribution', () => {
  expect(emitOnnx(step(), { scheme: 'arithmetic' }).noise).toEqual({
    pools: { uniform: 65536, normal: 65536 },
    inputs: [
      { input: 'noise w.noise', stream: 'w.noise', distribution: 'normal', shape: [2, 3], isCentered: false },
      { input: 'noise w.grad', stream: 'w.grad', distribution: 'uniform', shape: [2, 3], isCentered: false },
    ],
  });
});

test('a model with an open batch serves every batch size', async () => {
  const net = deployedNet(2, int(8));
  const { bytes, model } = emitOnnx(net.graph, {
    scheme: 'qdq',
    initializers: net.frozen,
    symbolicBatch: true,
  });
  expect(model.graph.input.map((i) => i.type?.tensorType?.shape?.dim[0])).toEqual([{ dimParam: 'N' }]);
  for (const output of model.graph.output) {
    expect(output.type?.tensorType?.shape?.dim[0], output.name).toEqual({ dimParam: 'N' });
  }
  const loaded = await loadModel(bytes(), 'all');
  for (const batch of [1, 2, 7]) {
    const other = deployedNet(batch, int(8));
    const expected = evaluate(other.graph, referenceInputs(other), noNoise).get('logits');
    const found = await loaded.run(new Map([['x', { shape: [batch, 2, 6, 6], data: other.x }]]));
    expect(found.get('logits')?.shape).toEqual([batch, 5]);
    expect(Array.from(found.get('logits')?.data ?? [], Number)).toEqual([...(expected?.data ?? [])]);
  }
  await loaded.dispose();
});

test('emission is deterministic', () => {
  const net = deployedNet(1, int(4));
  const options = { scheme: 'qdq', initializers: net.frozen } as const;
  expect(emitOnnx(net.graph, options).bytes()).toEqual(emitOnnx(net.graph, options).bytes());
});
