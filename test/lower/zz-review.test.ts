import { describe, expect, it } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import { lowerCalibration, meanCalibration } from '../../compiler/lower/deploy/calibration.ts';
import { lowerEvaluation, lowerReal } from '../../compiler/lower/deploy/evaluation.ts';
import { freeze } from '../../compiler/lower/deploy/freeze.ts';
import { compile } from '../../compiler/pipeline.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { quantize } from '../../compiler/lower/quantizer.ts';
import { evaluate } from '../../compiler/ops/evaluate.ts';
import { compileText, specText } from '../support/compile.ts';
import { type Arrays, distance, get, hyper, randomBatch, run, startingState } from '../support/run-program.ts';

const MLP = 'x |> flatten |> dense(6) as f1 |> relu |> dense(10) as f2';
const floats = (arrays: Arrays): FloatTensors =>
  new Map([...arrays].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
const arrays = (tensors: FloatTensors): Arrays =>
  new Map([...tensors].map(([name, { shape, data }]) => [name, ndarray(shape, data)]));

function deploy(text: string, edit: (state: Arrays) => void = () => {}) {
  const compiled = compileText(text);
  const { spec, plan, program } = compiled;
  const state = startingState(program);
  edit(state);
  const batch = randomBatch(program);
  const calibrated = run(lowerCalibration(spec, plan, 4), state, batch);
  const frozen = freeze(spec, plan, floats(state), meanCalibration([floats(calibrated)])).tensors;
  const outputs = run(lowerEvaluation(spec, plan, 4), arrays(frozen), batch);
  const real = run(lowerReal(spec, plan, 4), state, batch);
  return { compiled, frozen, outputs, real, calibrated };
}

describe('review', () => {
  it('C: noise before accumulate is one noise', () => {
    const { program } = compileText(specText({ model: MLP, batch: 2, train: 'U = sgd(lr: 0.1)\n  T = U ∘ accumulate(2, B ∘ F) ∘ noise(0.1)' }));
    const batch = randomBatch(program);
    const x = get(batch, 'x');
    x.data.copyWithin(x.data.length / 2, 0, x.data.length / 2);
    const out = run(program.step, startingState(program), batch, hyper(program, 0.1));
    expect(distance(get(out, 'logits#1'), get(out, 'logits#2'))).toBe(0);
  });
  it('D: moving average without a step', () => {
    const { outputs, frozen, real } = deploy(specText({ model: MLP, precision: 'activations: int8 scale(moving_average(0.9))' }));
    console.log([...frozen].filter(([n]) => n.endsWith('.scale')).map(([n, t]) => [n, ...t.data]));
    expect(distance(get(outputs, 'logits'), get(real, 'logits'))).toBeLessThan(0.1);
  });
  it('F: fold ignores an out site', () => {
    const model = 'x |> conv(3, kernel: 3, stride: 2) as c1 |> batchnorm as n1 |> relu |> flatten |> dense(10) as f1';
    const { outputs, calibrated } = deploy(specText({ model, precision: 'c1.out: int8' }), (state) => {
      get(state, 'n1.scale').data.fill(5);
      get(state, 'n1.variance').data.fill(0.1);
      get(state, 'n1.shift').data.fill(1);
    });
    expect(distance(get(outputs, 'logits'), get(calibrated, 'logits'))).toBeLessThan(1e-4);
  });
  it('K: several readers of a moving average', () => {
    const model = `let y = x |> conv(2, kernel: 3, pad: 1) as c0 |> relu
      let a = y |> conv(2, kernel: 3, pad: 1) as c1
      let b = y |> conv(2, kernel: 1) as c2
      a + b |> flatten |> dense(10) as f1`;
    const { program } = compileText(specText({ model, precision: 'activations: int8 scale(moving_average(0.9))' }));
    const name = [...program.tensors].map((t) => t.name).filter((n) => n.endsWith('.in.scale'));
    console.log(name);
    const state = startingState(program);
    const site = name.find((n) => n.startsWith('c1')) ?? '';
    const fresh = get(run(program.step, state, randomBatch(program, 2), hyper(program, 0)), site).data[0] ?? 0;
    state.set(site, ndarray([1, 1, 1, 1], [1]));
    const two = run(program.step, state, randomBatch(program, 2), hyper(program, 0));
    expect(get(two, site).data[0]).toBeCloseTo(0.9 + 0.1 * fresh, 12);
  });
  it('DD: a dead channel', () => {
    const model = 'x |> conv(2, kernel: 3, pad: 1) as c0 |> relu |> conv(2, kernel: 3) as c1 |> flatten |> dense(10) as f1';
    const { program } = compileText(specText({ model, precision: 'c1.in: int8 per channel scale(moving_average(0.9))' }));
    const state = startingState(program);
    get(state, 'c0.bias').data[0] = -100;
    state.set('c1.in.scale', ndarray([1, 2, 1, 1], [0.01, 0.01]));
    const out = run(program.step, state, randomBatch(program, 2), hyper(program, 0));
    expect(get(out, 'c1.in.scale').data[0]).toBeLessThanOrEqual(0.01);
  });
  it('GG: zero group of a two-level scale', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'batch', { dtype: 'f32', shape: [1, 32] });
    const format = { element: { kind: 'float', exponent: 2, mantissa: 1, specials: 'none' }, granularity: { kind: 'group', size: 16 }, scale: { kind: 'two_level' }, rounding: 'nearest' } as const;
    const y = quantize(builder, x, format, 1, 'q');
    const graph = builder.build('g', [{ name: 'y', value: y }]);
    const relative = (zero: boolean) => {
      const data = Float64Array.from({ length: 32 }, (_, i) => (i < 16 ? (zero ? 0 : 6e-6) : (1 + (i % 6)) * 1e-6));
      const out = evaluate(graph, new Map([['x', ndarray([1, 32], data)]]), () => { throw new Error(); }).get('y');
      return Math.max(...Array.from(data, (v, i) => Math.abs(v - (out?.data[i] ?? 0)))) / 6e-6;
    };
    console.log(relative(false), relative(true));
    expect(relative(true)).toBeLessThan(relative(false) + 0.02);
  });
  it('ZZ: tiny gamma', () => {
    const model = 'x |> conv(3, kernel: 3, stride: 2) as c1 |> batchnorm as n1 |> relu |> flatten |> dense(10) as f1';
    const { outputs, real } = deploy(specText({ model, precision: 'weights: int8 per channel, activations: int8' }), (state) => {
      get(state, 'n1.scale').data[0] = 1e-8;
      get(state, 'n1.shift').data[0] = 2;
    });
    expect(distance(get(outputs, 'logits'), get(real, 'logits'))).toBeLessThan(0.1);
  });
  it('ZZ2: zero gamma', () => {
    const model = 'x |> conv(3, kernel: 3, stride: 2) as c1 |> batchnorm as n1 |> relu |> flatten |> dense(10) as f1';
    const { frozen } = deploy(specText({ model: model.replace('batchnorm', 'batchnorm'), precision: 'weights: int8 per channel, activations: int8' }), (state) => {
      get(state, 'n1.scale').data[0] = 0;
      get(state, 'n1.shift').data[0] = 0.0012345;
    });
    const bias = (frozen.get('c1.bias.codes')?.data[0] ?? 0) * (frozen.get('c1.bias.scale')?.data[0] ?? 0);
    expect(Math.abs(bias - 0.0012345)).toBeLessThan(1e-4);
  });
  it('AA: batch all with few samples', () => {
    const text = `spec s
data d { source: regression, batch: all }
model M(x: f32[10]) -> f32[1] { x |> dense(1) as f1 }
train { F = forward(M) |> mse
B = backward(F)
U = sgd(lr: 0.1)
T = U ∘ accumulate(16, B ∘ F)
epochs: 1 }`.replace('data d { source: regression, batch: all }', 'data regression(samples: 10, features: 10, noise: 0.1, seed: 1) { batch: all }');
    const { value, diagnostics } = compile({ path: 'a', text });
    console.log(diagnostics.map((d) => d.code + d.message), value?.program.batch);
    expect(value?.program.batch ?? 1).toBeGreaterThan(0);
  });
  it('SS: a builder continues a graph with equal nodes', () => {
    const b = newBuilder();
    const c = b.constant(1, [2]);
    const twice = [...b.nodes, ...b.nodes];
    void c;
    expect(newBuilder(twice).nodes.length).toBe(2);
  });
});
