import type { CheckedSpec } from '../../check/checked-spec.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Graph, Output, Value } from '../../ir/graph.ts';
import { newBuilder } from '../../ops/registry.ts';
import type { Environment } from '../environment.ts';
import { at, lookup } from '../lookup.ts';
import { lowerModel, tensorName } from '../model.ts';
import type { FormatPlan, PlannedSite } from '../plan.ts';
import { quantize, quantizeAt } from '../quantizer.ts';
import { evaluationInputs, hasFixedScale, runningBatchNorm } from './calibration.ts';
import { BIAS_ELEMENT, deploymentOf, type LinearDeployment } from './deployment.ts';

/** f32 evaluation of the trained model, nothing quantized: x, parameters and buffers → `logits`. */
export function lowerReal(spec: CheckedSpec, plan: FormatPlan, batch: number): Graph {
  const builder = newBuilder();
  const { x, tensors } = evaluationInputs(builder, spec, plan, batch);
  const parameter: Environment['parameter'] = (layer, name) => lookup(tensors, tensorName(layer, name));
  const logits = lowerModel(spec.model, x, {
    builder,
    parameter,
    read: (_layer, _source, value) => value,
    gradientSite: (_, value) => value,
    output: (_, value) => value,
    batchNorm: runningBatchNorm(builder, tensors, parameter),
  });
  return builder.build(`${spec.name}_real`, [{ name: 'logits', value: logits }]);
}

/**
 * The deployed model: integer codes with their scales, fixed activation scales, batch norms folded, biases in codes of
 * `s_x · s_w`. Inputs: x and the frozen tensors of `freeze`. Outputs: `logits` and the value of every activation site with a fixed scale.
 */
export function lowerEvaluation(spec: CheckedSpec, plan: FormatPlan, batch: number): Graph {
  const builder = newBuilder();
  const deployment = deploymentOf(spec, plan);
  const { formats, folded } = deployment;
  const unfolded = new Set(deployment.batchNorms.map(({ path }) => path));
  const x = builder.named('x', () =>
    builder.input('x', 'batch', { dtype: 'f32', shape: [batch, ...spec.data.sampleShape] }),
  );
  const inputs = new Map<string, Value>();
  const input = (name: string, shape: readonly number[]): Value => {
    const known = inputs.get(name);
    if (known !== undefined) return known;
    const value = builder.named(name, () => builder.input(name, 'parameter', { dtype: 'f32', shape }));
    inputs.set(name, value);
    return value;
  };
  const sites = new Map<string, Value>();
  const activation = (planned: PlannedSite | undefined, value: Value): Value => {
    if (!planned || planned.format.element.kind === 'f32') return value;
    const format = { ...planned.format, rounding: 'nearest' as const };
    const { name } = planned.site;
    if (!hasFixedScale(planned)) return quantize(builder, value, format, 1, name);
    const rank = builder.shapeOf(value).length;
    const channels = format.granularity.kind === 'channel' ? (builder.shapeOf(value)[1] ?? 1) : 1;
    const shape = Array.from({ length: rank }, (_, axis) => (axis === 1 ? channels : 1));
    const result = quantizeAt(builder, value, input(`${name}.scale`, shape), format, name);
    sites.set(name, result);
    return result;
  };
  const logits = lowerModel(folded.model, x, {
    builder,
    parameter: (layer, name) => {
      const linear = deployment.linear.get(layer.path);
      if (!linear) throw new Error(`'${layer.path}' keeps no parameter '${name}' in deployment`);
      return name === 'weights'
        ? deployedWeights(builder, linear, input)
        : deployedBias(builder, linear, input);
    },
    read: (_, source, value) => activation(formats.readingOf(source), value),
    gradientSite: (_, value) => value,
    output: (layer, value) => activation(formats.outputOf(layer), value),
    batchNorm: (layer, value) => {
      if (!unfolded.has(layer.path)) return value;
      const shape = builder.shapeOf(value);
      const channels = [at(shape, 1), ...shape.slice(2).map(() => 1)];
      const scaled = builder.op('mul', [value, input(tensorName(layer, 'factor'), channels)], {});
      return builder.op('add', [scaled, input(tensorName(layer, 'offset'), channels)], {});
    },
  });
  const outputs: Output[] = [...sites].map(([name, value]) => ({ name, value }));
  return builder.build(spec.name, [{ name: 'logits', value: logits }, ...outputs]);
}

type Input = (name: string, shape: readonly number[]) => Value;

function deployedWeights(builder: Builder, linear: LinearDeployment, input: Input): Value {
  const name = tensorName(linear.layer, 'weights');
  const shape = linear.weightsShape;
  if (!linear.weights) return input(name, shape);
  const { weights: element } = linear;
  const codes = input(`${name}.codes`, shape);
  const scale = input(`${name}.scale`, weightScaleShape(linear));
  return builder.named(name, () => builder.op('dequantize', [codes, scale], { element }));
}

/** `[O, 1, …]` per channel, `[1, 1, …]` per tensor. */
export function weightScaleShape({ perChannel, weightsShape }: LinearDeployment): readonly number[] {
  return weightsShape.map((size, axis) => (axis === 0 && perChannel ? size : 1));
}

function deployedBias(builder: Builder, linear: LinearDeployment, input: Input): Value {
  const name = tensorName(linear.layer, 'bias');
  const shape = [at(linear.weightsShape, 0)];
  if (!linear.biasInput) return input(name, shape);
  const codes = input(`${name}.codes`, shape);
  const scale = input(`${name}.scale`, linear.perChannel ? shape : [1]);
  return builder.named(name, () => builder.op('dequantize', [codes, scale], { element: BIAS_ELEMENT }));
}
