import { describe, expect, it } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import type { FloatTensor, FloatTensors } from '../../compiler/ir/tensor.ts';
import { lowerCalibration, meanCalibration } from '../../compiler/lower/deploy/calibration.ts';
import { lowerEvaluation, lowerReal } from '../../compiler/lower/deploy/evaluation.ts';
import { foldBatchNorms } from '../../compiler/lower/deploy/fold.ts';
import { freeze } from '../../compiler/lower/deploy/freeze.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import { compileText, specText } from '../support/compile.ts';
import { type Arrays, distance, get, randomBatch, run, startingState } from '../support/run-program.ts';

const CNN = `x |> conv(3, kernel: 3, stride: 2) as c1 |> batchnorm as n1 |> relu |> maxpool(2)
  |> flatten |> dense(10) as f1`;
const INT8 = 'weights: int8 per channel, activations: int8';

const floats = (arrays: Arrays): FloatTensors =>
  new Map([...arrays].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
const arrays = (tensors: FloatTensors): Arrays =>
  new Map([...tensors].map(([name, { shape, data }]) => [name, ndarray(shape, data)]));

/** A trained-looking state: batch-norm tensors that are neither 0 nor 1, with negative and zero factors. */
function trainedState(compiled: Compiled): Arrays {
  const state = startingState(compiled.program);
  const set = (name: string, values: readonly number[]) => state.get(name)?.data.set(values);
  set('n1.scale', [0.8, -1.3, 0]);
  set('n1.shift', [0.1, 0.2, 0.3]);
  set('n1.mean', [0.05, -0.1, 0.2]);
  set('n1.variance', [0.5, 2, 1]);
  return state;
}

function deploy(text: string, stateOf = trainedState) {
  const compiled = compileText(text);
  const { spec, plan, program } = compiled;
  const state = stateOf(compiled);
  const batch = randomBatch(program);
  const calibration = meanCalibration([floats(run(lowerCalibration(spec, plan, 4), state, batch))]);
  const frozen = freeze(spec, plan, floats(state), calibration).tensors;
  const outputs = run(lowerEvaluation(spec, plan, 4), arrays(frozen), batch);
  const real = run(lowerReal(spec, plan, 4), state, batch);
  return { compiled, frozen, outputs, real, state };
}

function tensor(tensors: FloatTensors, name: string): FloatTensor {
  const found = tensors.get(name);
  if (!found) throw new Error(`no '${name}' among ${[...tensors.keys()]}`);
  return found;
}

describe('folding', () => {
  it('gives the batch norm to the convolution that it alone reads', () => {
    const { model } = compileText(specText({ model: CNN })).spec;
    expect(
      [...foldBatchNorms(model, () => false).taken].map(([path, { path: norm }]) => [path, norm]),
    ).toEqual([['c1', 'n1']]);
  });

  it('leaves a batch norm alone whose input has another reader', () => {
    const body = `let y = x |> conv(1, kernel: 3, pad: 1, bias: false) as c1
      y + (y |> batchnorm as n1) |> flatten |> dense(10)`;
    const text = specText({
      model: body.replace('y + (y |> batchnorm as n1)', 'let z = y |> batchnorm as n1\n y + z'),
    });
    const { model } = compileText(text).spec;
    expect(foldBatchNorms(model, () => false).taken.size).toBe(0);
  });
});

describe('the deployed model', () => {
  it('is the real one where nothing is quantized', () => {
    const { outputs, real } = deploy(specText({ model: CNN }));
    expect(distance(get(outputs, 'logits'), get(real, 'logits'))).toBeLessThan(1e-6);
  });

  it('is close to the real one at int8, with every site on its grid', () => {
    const { outputs, real, frozen } = deploy(specText({ model: CNN, precision: INT8 }));
    expect(distance(get(outputs, 'logits'), get(real, 'logits'))).toBeLessThan(0.05);
    for (const site of ['c1.in', 'f1.in']) {
      const [scale = 1] = tensor(frozen, `${site}.scale`).data;
      for (const x of get(outputs, site).data)
        expect(Math.abs(x / scale - Math.round(x / scale))).toBeLessThan(1e-6);
    }
  });

  it('moves a negative factor into the codes and a zero one zeroes them', () => {
    const { frozen } = deploy(specText({ model: CNN, precision: INT8 }));
    const plain = deploy(specText({ model: CNN.replace(' |> batchnorm as n1', ''), precision: INT8 }));
    const [folded, unfolded] = [
      tensor(frozen, 'c1.weights.codes').data,
      tensor(plain.frozen, 'c1.weights.codes').data,
    ];
    expect([...folded.subarray(0, 9)]).toEqual([...unfolded.subarray(0, 9)]);
    expect([...folded.subarray(9, 18)]).toEqual([...unfolded.subarray(9, 18)].map((code) => 0 - code));
    expect([...folded.subarray(18)]).toEqual(new Array(9).fill(0));
    for (const scale of tensor(frozen, 'c1.weights.scale').data) expect(scale).toBeGreaterThan(0);
  });

  it('rounds what a site before a batch norm rounds, not what comes after it', () => {
    const { compiled, outputs, state } = deploy(specText({ model: CNN, precision: 'c1.out: int8' }));
    const { spec, plan, program } = compiled;
    const calibrated = run(lowerCalibration(spec, plan, 4), state, randomBatch(program));
    expect(distance(get(outputs, 'logits'), get(calibrated, 'logits'))).toBeLessThan(1e-6);
  });

  it('takes moving-average scales from calibration where no step has moved them', () => {
    const precision = 'activations: int8 scale(moving_average(0.9))';
    const { frozen, outputs, real } = deploy(specText({ model: CNN, precision }));
    expect(tensor(frozen, 'f1.in.scale').data[0]).toBeGreaterThan(0);
    expect(distance(get(outputs, 'logits'), get(real, 'logits'))).toBeLessThan(0.05);
    const moved = deploy(specText({ model: CNN, precision }), (compiled) =>
      trainedState(compiled).set('f1.in.scale', ndarray([1, 1], [0.25])),
    );
    expect(tensor(moved.frozen, 'f1.in.scale').data[0]).toBe(0.25);
  });

  it('stores biases as whole numbers of the product of scales', () => {
    const { frozen } = deploy(specText({ model: CNN, precision: INT8 }));
    const [input = 0] = tensor(frozen, 'c1.in.scale').data;
    const expected = tensor(frozen, 'c1.weights.scale').data.map((scale) => Math.fround(scale * input));
    expect([...tensor(frozen, 'c1.bias.scale').data]).toEqual([...expected]);
    for (const code of tensor(frozen, 'c1.bias.codes').data) expect(Number.isInteger(code)).toBe(true);
  });

  it('has power-of-two scales where the formats ask for them', () => {
    const precision = 'weights: int8 per channel scale(power_of_two), activations: int8 scale(power_of_two)';
    const { frozen } = deploy(specText({ model: CNN.replace(' |> batchnorm as n1', ''), precision }));
    for (const [name, { data }] of frozen) {
      if (!name.endsWith('.scale')) continue;
      for (const scale of data) expect(Math.abs(Math.log2(scale) % 1), name).toBe(0);
    }
  });

  it('asks for exactly the tensors that freezing makes', () => {
    for (const precision of [
      undefined,
      INT8,
      'weights: int4, activations: uint8 per channel',
      'weights: fp16',
    ]) {
      const { compiled, frozen } = deploy(specText({ model: CNN, ...(precision ? { precision } : {}) }));
      const graph = lowerEvaluation(compiled.spec, compiled.plan, 4);
      const asked = graph.nodes.flatMap((node) =>
        node.kind === 'input' && node.role === 'parameter' ? [node.input] : [],
      );
      expect([...frozen.keys()].sort()).toEqual(asked.sort());
    }
  });

  it('keeps the offset of a batch norm whose factor vanishes or nearly does', () => {
    for (const factor of [1e-8, 0]) {
      const { outputs, real, frozen } = deploy(specText({ model: CNN, precision: INT8 }), (compiled) => {
        const state = trainedState(compiled);
        get(state, 'n1.scale').data[0] = factor;
        get(state, 'n1.shift').data[0] = 2.0012345;
        return state;
      });
      expect(distance(get(outputs, 'logits'), get(real, 'logits'))).toBeLessThan(0.1);
      const [code = 0, scale = 0] = [
        tensor(frozen, 'c1.bias.codes').data[0],
        tensor(frozen, 'c1.bias.scale').data[0],
      ];
      expect(code * scale).toBeCloseTo(2.0012345, 5);
    }
  });

  it('does not let a batch of zeros into the scale of a site', () => {
    const scale = (value: number): FloatTensors =>
      new Map([['c1.in.scale.calibrated', { shape: [1], data: Float32Array.of(value) }]]);
    expect(tensor(meanCalibration([scale(0.25), scale(0), scale(0.75)]), 'c1.in.scale').data[0]).toBe(0.5);
    expect(tensor(meanCalibration([scale(0)]), 'c1.in.scale').data[0]).toBe(1);
  });
});
