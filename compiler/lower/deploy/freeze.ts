import type { CheckedSpec, Layer } from '../../check/checked-spec.ts';
import type { FloatTensor, FloatTensors } from '../../ir/tensor.ts';
import { codeRange, type IntElement } from '../../numeric/format.ts';
import { roundHalfEven } from '../../numeric/round.ts';
import { at, lookup } from '../lookup.ts';
import { tensorName } from '../model.ts';
import type { FormatPlan } from '../plan.ts';
import { BIAS_ELEMENT, deploymentOf, type LinearDeployment } from './deployment.ts';
import { weightScaleShape } from './evaluation.ts';

/** A trained model as it is deployed: the inputs of `lowerEvaluation` other than x, by name. */
export interface FrozenModel {
  readonly tensors: FloatTensors;
}

/**
 * Freezes a trained model: activation scales from calibration, weight codes as training rounded them, `γ/√(σ² + ε)` of a
 * folded batch norm moved into the weight scale (a negative factor negates codes, a zero one zeroes them), biases rounded to codes of `s_x · s_w`.
 *
 * @param state trained parameters and buffers by name
 * @param calibration what `meanCalibration` returned for the same state
 * @throws where a tensor is missing: the state is of another program
 */
export function freeze(
  spec: CheckedSpec,
  plan: FormatPlan,
  state: FloatTensors,
  calibration: FloatTensors,
): FrozenModel {
  const deployment = deploymentOf(spec, plan);
  const tensors = new Map<string, FloatTensor>();
  for (const { site, format } of deployment.scaled) {
    const name = `${site.name}.scale`;
    const { shape, data } = lookup(calibration, name);
    tensors.set(name, {
      shape,
      data: format.scale.kind === 'power_of_two' ? data.map(nextPowerOfTwo) : data,
    });
  }
  for (const linear of deployment.linear.values()) freezeLinear(linear, state, calibration, tensors);
  for (const layer of deployment.batchNorms) {
    const { factor, offset } = batchNormAffine(layer, state, calibration);
    const shape = [factor.length, ...layer.shape.slice(1).map(() => 1)];
    tensors.set(tensorName(layer, 'factor'), { shape, data: Float32Array.from(factor) });
    tensors.set(tensorName(layer, 'offset'), { shape, data: Float32Array.from(offset) });
  }
  return { tensors };
}

function freezeLinear(
  linear: LinearDeployment,
  state: FloatTensors,
  calibration: FloatTensors,
  tensors: Map<string, FloatTensor>,
): void {
  const { layer, batchNorm, weightsShape } = linear;
  const weightsName = tensorName(layer, 'weights');
  const biasName = tensorName(layer, 'bias');
  const channels = at(weightsShape, 0);
  const affine = batchNorm && batchNormAffine(batchNorm, state, calibration);
  const trained = calibration.get(weightsName) ?? lookup(state, weightsName);
  const trainedBias = calibration.get(biasName) ?? state.get(biasName);
  const bias = Float64Array.from({ length: channels }, (_, c) => {
    const own = trainedBias?.data[c] ?? 0;
    return affine ? own * at(affine.factor, c) + at(affine.offset, c) : own;
  });
  let scale: Float32Array | undefined;
  if (linear.weights) {
    const least = leastScales(linear, bias, tensors);
    const trainedScale = lookup(calibration, `${weightsName}.scale`);
    const frozen = weightCodes(trained, trainedScale, affine?.factor, least, linear, linear.weights);
    scale = frozen.scale.data;
    tensors.set(`${weightsName}.codes`, frozen.codes);
    tensors.set(`${weightsName}.scale`, frozen.scale);
  } else {
    const size = trained.data.length / channels;
    const data = trained.data.map((w, i) => w * (affine ? at(affine.factor, Math.floor(i / size)) : 1));
    tensors.set(weightsName, { shape: weightsShape, data });
  }
  if (!layer.options.bias) return;
  if (!linear.biasInput || !scale) {
    tensors.set(biasName, { shape: [channels], data: Float32Array.from(bias) });
    return;
  }
  const inputScale = at(lookup(tensors, `${linear.biasInput.site.name}.scale`).data, 0);
  // In float32, as an integer runtime multiplies the two scales.
  const scales = scale.map((s) => nonZero(Math.fround(s * inputScale)));
  const codes = Float32Array.from(bias, (b, c) =>
    codeOf(b, scales[scales.length === 1 ? 0 : c] ?? 1, BIAS_ELEMENT),
  );
  tensors.set(`${biasName}.codes`, { shape: [channels], data: codes });
  tensors.set(`${biasName}.scale`, { shape: [scales.length], data: scales });
}

/** Largest code of a bias that a weight scale is made for: half of what 32 bits hold. */
const LARGEST_BIAS_CODE = 2 ** 30;

/**
 * The least weight scale of each channel at which its bias fits in 32 bits. A batch norm whose factor nearly vanishes asks for a far
 * smaller one, beside which its offset could not be stored; its weights hardly matter then, and give way.
 */
function leastScales(linear: LinearDeployment, bias: Float64Array, tensors: FloatTensors): Float64Array {
  if (!linear.biasInput || !linear.batchNorm) return new Float64Array(bias.length);
  const inputScale = at(lookup(tensors, `${linear.biasInput.site.name}.scale`).data, 0);
  return bias.map((b) => Math.abs(b) / (inputScale * LARGEST_BIAS_CODE));
}

/** Codes of the quantized weights, and their scale times the batch norm's factor; coarser codes where the scale is at its least. */
function weightCodes(
  trained: FloatTensor,
  trainedScale: FloatTensor,
  factor: readonly number[] | undefined,
  least: Float64Array,
  linear: LinearDeployment,
  element: IntElement,
): { readonly codes: FloatTensor; readonly scale: FloatTensor } {
  const channels = at(linear.weightsShape, 0);
  const size = trained.data.length / channels;
  const scaleOf = (c: number) => trainedScale.data[trainedScale.data.length === 1 ? 0 : c] ?? 1;
  const wanted = (c: number) => Math.fround(scaleOf(c) * Math.abs(factor?.[c] ?? 1));
  const scales = Float32Array.from({ length: linear.perChannel ? channels : 1 }, (_, c) =>
    nonZero(Math.max(wanted(c), least[c] ?? 0)),
  );
  const codes = trained.data.map((w, i) => {
    const c = Math.floor(i / size);
    const code = codeOf(w, scaleOf(c), element);
    const signed = (factor?.[c] ?? 1) < 0 ? -code : code;
    const stored = at(scales, linear.perChannel ? c : 0);
    return wanted(c) === stored ? signed : roundHalfEven(signed * (wanted(c) / stored)) + 0;
  });
  return {
    codes: { shape: linear.weightsShape, data: codes },
    scale: { shape: weightScaleShape(linear), data: scales },
  };
}

/** `γ/√(σ² + ε)` and `β − μ·γ/√(σ² + ε)` per channel, in float64, of the parameters as evaluation reads them. */
function batchNormAffine(
  layer: Layer<'batchnorm'>,
  state: FloatTensors,
  calibration: FloatTensors,
): { readonly factor: readonly number[]; readonly offset: readonly number[] } {
  const read = (name: string) => {
    const full = tensorName(layer, name);
    return [...(calibration.get(full) ?? lookup(state, full)).data];
  };
  const [scale, shift, mean, variance] = [read('scale'), read('shift'), read('mean'), read('variance')];
  const factor = scale.map((gamma, c) => gamma / Math.sqrt(at(variance, c) + layer.options.epsilon));
  return { factor, offset: shift.map((beta, c) => beta - at(mean, c) * at(factor, c)) };
}

function codeOf(value: number, scale: number, element: IntElement): number {
  const range = codeRange(element);
  // Codes travel in float32, whose largest value below 2³¹ is 2³¹ − 128.
  const [min, max] = [Math.max(range.min, -(2 ** 31)), Math.min(range.max, 2 ** 31 - 128)];
  const code = roundHalfEven(Math.fround(value / scale));
  // Adding zero turns the code −0 into 0.
  return Math.min(max, Math.max(min, code)) + 0;
}

/** The smallest power of two that is not below a positive float32. */
function nextPowerOfTwo(x: number): number {
  const power = 2 ** Math.ceil(Math.log2(x));
  // The logarithm may be off by an ulp next to a power of two.
  if (power / 2 >= x) return power / 2;
  return power < x ? power * 2 : power;
}

/** A scale that vanished in float32 multiplies only zeros; 1 keeps it a valid divisor. */
function nonZero(scale: number): number {
  return scale === 0 ? 1 : scale;
}
