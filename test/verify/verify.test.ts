import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../compiler/emit/onnx/proto.ts';
import type { TensorProto } from '../../compiler/emit/onnx/schema.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import type { Dataset } from '../../runtime/data/split.ts';
import type { Engine } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { Deployment } from '../../runtime/train/deployment.ts';
import { exportOnnx } from '../../runtime/train/export.ts';
import type { TrainedModel } from '../../runtime/train/model-file.ts';
import { initialState, ofRoles } from '../../runtime/train/state.ts';
import { countOf } from '../../runtime/verify/report.ts';
import { verify } from '../../runtime/verify/verify.ts';
import { compileText, specText } from '../support/compile.ts';

const CNN = `x |> conv(4, kernel: 3, pad: 1) as c1 |> relu |> maxpool(2)
  |> conv(6, kernel: 3, stride: 2, pad: 1) as c2 |> relu |> flatten |> dense(10) as f1`;
const NORMALIZED = CNN.replace('as c1', 'as c1 |> batchnorm as n1').replace(
  'as c2',
  'as c2 |> batchnorm as n2',
);
const INT8 = 'weights: int8 per channel, activations: int8';

/** Random images: codes of every size occur, and no trained structure hides an error. */
const dataset: Dataset = (() => {
  const split = (seed: number, count: number) => ({
    count,
    x: uniforms(seed, 'images', 0, count * 784),
    labels: Int32Array.from({ length: count }, (_, i) => i % 10),
  });
  const empty = { count: 0, x: new Float32Array(), labels: new Int32Array() };
  return {
    name: 'random',
    sampleShape: [1, 28, 28],
    target: { kind: 'classes', count: 10 },
    train: split(1, 64),
    validation: empty,
    test: split(2, 120),
  };
})();

let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterAll(async () => {
  await engine.dispose();
});

async function exported(model: string, precision: string) {
  const compiled = compileText(specText({ model, precision, batch: 16 }));
  const { program, spec, plan } = compiled;
  const state = ofRoles(program, initialState(program, 3), 'parameter', 'buffer');
  // Biases and batch norms that do something.
  for (const [name, { data }] of state) {
    if (/\.(bias|shift|mean)$/.test(name)) data.set(uniforms(5, name, 0, data.length).map((u) => u - 0.5));
    if (/\.scale$/.test(name)) data.set(uniforms(5, name, 0, data.length).map((u) => 2 * u - 1));
  }
  const deployment = new Deployment(engine, spec, plan, dataset);
  const trained: TrainedModel = { state, calibration: await deployment.calibrate(state) };
  await deployment.dispose();
  const { bytes, diagnostics } = exportOnnx(compiled, trained);
  if (!bytes) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return { compiled, trained, bytes };
}

function check(compiled: Compiled, trained: TrainedModel, bytes: Uint8Array) {
  return verify(compiled, trained, bytes, dataset, { engine, threads: 1 });
}

/** The file with one tensor changed. */
function tampered(bytes: Uint8Array, name: RegExp, change: (tensor: TensorProto) => TensorProto): Uint8Array {
  const decoded = decodeModel(bytes);
  if ('problem' in decoded) throw new Error(decoded.problem);
  const { graph } = decoded.model;
  let found = 0;
  const initializer = graph.initializer.map((tensor) => {
    if (!name.test(tensor.name)) return tensor;
    found++;
    return change(tensor);
  });
  expect(found).toBe(1);
  return encodeModel({ ...decoded.model, graph: { ...graph, initializer } });
}

/** Flips the lowest bit of one byte of a tensor's data. */
function flipBit(byte: number) {
  return (tensor: TensorProto): TensorProto => {
    const rawData = Uint8Array.from(tensor.rawData ?? []);
    rawData[byte] = (rawData[byte] ?? 0) ^ 1;
    return { ...tensor, rawData };
  };
}

describe('verify', () => {
  it('finds no difference at all where scales are powers of two', async () => {
    const precision = 'weights: int8 per channel scale(power_of_two), activations: int8 scale(power_of_two)';
    const { compiled, trained, bytes } = await exported(CNN, precision);
    const report = await check(compiled, trained, bytes);
    expect(report.failures).toEqual([]);
    expect(report.exact).toBe(true);
    expect(report.samples).toBe(120);
    for (const comparison of report.comparisons) {
      expect([comparison.name, countOf(comparison.differing), comparison.logitDifferences]).toEqual([
        comparison.name,
        0,
        0,
      ]);
    }
  });

  for (const [name, model, precision] of [
    ['int8', CNN, INT8],
    ['int8 with folded batch norms', NORMALIZED, INT8],
    ['int4 weights and uint4 activations', CNN, 'weights: int4 per channel, activations: uint4'],
    ['int5 weights, int6 activations', CNN, 'weights: int5 per channel, activations: int6'],
    ['int16', CNN, 'weights: int16, activations: int16'],
    ['int2 weights', CNN, 'weights: int2 per channel, activations: int8'],
    ['int8 activations and weights in groups', CNN, 'weights: int4 per group(8), activations: int8'],
  ] as const) {
    it(`accounts for every difference of ${name} by a tie`, async () => {
      const { compiled, trained, bytes } = await exported(model, precision);
      const report = await check(compiled, trained, bytes);
      expect(report.failures).toEqual([]);
      expect(report.comparisons.map((c) => c.codes)).toContain(120 * (784 + 4 * 196 + 6 * 49));
    });
  }

  it('compares logits where nothing is quantized', async () => {
    const { compiled, trained, bytes } = await exported(NORMALIZED, '');
    const report = await check(compiled, trained, bytes);
    expect(report.failures).toEqual([]);
    expect(report.comparisons[0]?.logits).toBe(1200);
    trained.state.get('c1.weights')?.data.fill(0.1, 3, 4);
    expect((await check(compiled, trained, bytes)).failures).not.toEqual([]);
  });

  it('names the tensor and line of one flipped weight code', async () => {
    const { compiled, trained, bytes } = await exported(CNN, INT8);
    const report = await check(compiled, trained, tampered(bytes, /^c2\.weights\.codes$/, flipBit(17)));
    expect(report.failures[0]).toMatch(
      /^'c2\.weights\.codes' \(test\.qspec:4\) differs in 1 of 216 elements: element 17 is/,
    );
  });

  it('finds a changed scale and a changed bias code', async () => {
    const { compiled, trained, bytes } = await exported(CNN, INT8);
    for (const name of [/^c1\.in\.scale$/, /^f1\.bias\.codes$/]) {
      const report = await check(compiled, trained, tampered(bytes, name, flipBit(0)));
      expect(report.failures.length, String(name)).toBeGreaterThan(0);
    }
  });

  it('finds a state that is not the exported one', async () => {
    const { compiled, trained, bytes } = await exported(CNN, INT8);
    trained.state.get('f1.bias')?.data.fill(0.01);
    expect((await check(compiled, trained, bytes)).failures.length).toBeGreaterThan(0);
  });

  it('refuses bytes that are no model', async () => {
    const { compiled, trained, bytes } = await exported(CNN, INT8);
    for (const broken of [bytes.subarray(0, bytes.length / 2), new Uint8Array(), Uint8Array.of(1, 2, 3)]) {
      expect((await check(compiled, trained, broken)).failures.length).toBeGreaterThan(0);
    }
  });
});
