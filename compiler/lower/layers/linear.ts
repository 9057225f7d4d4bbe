import type { Layer } from '../../check/checked-spec.ts';
import type { Environment } from '../environment.ts';
import { type LayerDef, type LayerInputs, only, type ParameterSpec } from './definition.ts';

/** `bound = √(6 / fan-in)`: uniform He initialization (He et al. 2015, eq. 10) with a finite worst case. */
function linearParameters(outputs: number, kernel: readonly number[], bias: boolean): ParameterSpec[] {
  const fanIn = kernel.reduce((a, b) => a * b, 1);
  const weights: ParameterSpec = {
    name: 'weights',
    shape: [outputs, ...kernel],
    initializer: { kind: 'uniform', bound: Math.sqrt(6 / fanIn) },
  };
  return bias
    ? [weights, { name: 'bias', shape: [outputs], initializer: { kind: 'constant', value: 0 } }]
    : [weights];
}

/** What a matmul or convolution reads: its input through the activation site, and its weights. */
function operands(layer: Layer, inputs: LayerInputs, environment: Environment): [number, number] {
  const source = only(layer.inputs);
  return [environment.read(layer, source, only(inputs.values)), environment.parameter(layer, 'weights')];
}

/** `y = x * w + b` with x `[N, C, H, W]`, w `[O, C, kH, kW]`, b `[O]`. */
export const conv: LayerDef<'conv'> = {
  parameters: ({ options }, shapes) =>
    linearParameters(options.filters, [only(shapes)[0] ?? 1, ...options.kernel], options.bias),
  forward: (layer, inputs, environment) => {
    const { builder } = environment;
    const { strides, pads, filters, bias } = layer.options;
    const product = builder.op('conv2d', operands(layer, inputs, environment), { strides, pads });
    if (!bias) return environment.gradientSite(layer, product);
    const column = builder.op('reshape', [environment.parameter(layer, 'bias')], { shape: [filters, 1, 1] });
    return environment.gradientSite(layer, builder.op('add', [product, column], {}));
  },
};

/** `y = x wᵀ + b` with x `[N, I]`, w `[O, I]`, b `[O]`. */
export const dense: LayerDef<'dense'> = {
  parameters: ({ options }, shapes) => linearParameters(options.units, only(shapes), options.bias),
  forward: (layer, inputs, environment) => {
    const { builder } = environment;
    const transposes = { transposeA: false, transposeB: true };
    const product = builder.op('matmul', operands(layer, inputs, environment), transposes);
    if (!layer.options.bias) return environment.gradientSite(layer, product);
    const sum = builder.op('add', [product, environment.parameter(layer, 'bias')], {});
    return environment.gradientSite(layer, sum);
  },
};
