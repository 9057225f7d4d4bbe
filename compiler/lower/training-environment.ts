import type { CheckedModel } from '../check/checked-spec.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, scale, step, sub } from '../ops/algebra.ts';
import { movingAverage, withBatchMoments } from './batch-statistics.ts';
import type { Environment } from './environment.ts';
import { scaleAxes } from './grouping.ts';
import { lookup } from './lookup.ts';
import { tensorName } from './model.ts';
import type { FormatPlan } from './plan.ts';
import { dynamicScale, quantize, quantizeAt, quantizeCotangent } from './quantizer.ts';
import { siteFormats } from './site-formats.ts';

/** What one forward pass of training reads and writes besides its batch. */
export interface TrainingTensors {
  /** θ by name. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Buffers by name, replaced as the pass updates them. */
  readonly buffers: Map<string, Value>;
}

/**
 * F in training: parameters with their weight noise and formats, activations quantized where they are read, cotangents
 * where they arrive, batch norm by the batch's own moments.
 *
 * @param summand empty, or `#1`, `#2`, … where a step has several forward passes with noise of their own
 * @param sigma standard deviation of the noise added to every parameter
 */
export function trainingEnvironment(
  builder: Builder,
  model: CheckedModel,
  plan: FormatPlan,
  tensors: TrainingTensors,
  summand: string,
  sigma: number,
): Environment {
  const formats = siteFormats(model, plan);
  const parameter: Environment['parameter'] = (layer, name) => {
    const site = tensorName(layer, name);
    const noisy = withNoise(builder, lookup(tensors.parameters, site), sigma, `${site}.noise${summand}`);
    return quantize(builder, noisy, formats.of(site), 0, site);
  };
  return {
    builder,
    parameter,
    read: (_, source, value) => {
      const planned = formats.readingOf(source);
      if (!planned) return value;
      const { format, site } = planned;
      if (format.scale.kind !== 'moving_average')
        return quantize(builder, value, format, 1, site.name + summand);
      const smoothed = averagedScale(
        builder,
        value,
        planned.format,
        format.scale.momentum,
        site.name,
        tensors.buffers,
      );
      return quantizeAt(builder, value, smoothed, format, site.name + summand);
    },
    gradientSite: (layer, value) => {
      const site = tensorName(layer, 'grad');
      return quantizeCotangent(builder, value, formats.of(site), site + summand);
    },
    output: (layer, value) => {
      const planned = formats.outputOf(layer);
      return planned ? quantize(builder, value, planned.format, 1, planned.site.name + summand) : value;
    },
    batchNorm: (layer, value) => {
      const affine = { scale: parameter(layer, 'scale'), shift: parameter(layer, 'shift') };
      const { value: normalized, mean, variance } = withBatchMoments(builder, value, layer, affine);
      const { momentum } = layer.options;
      for (const [name, current] of [
        ['mean', mean],
        ['variance', variance],
      ] as const) {
        const buffer = tensorName(layer, name);
        const old = lookup(tensors.buffers, buffer);
        tensors.buffers.set(
          buffer,
          builder.named(buffer, () => movingAverage(builder, old, current, momentum)),
        );
      }
      return normalized;
    },
  };
}

/** `θ + σ·n`, n standard normal and new in every forward pass. */
function withNoise(builder: Builder, parameter: Value, sigma: number, stream: string): Value {
  if (sigma === 0) return parameter;
  return builder.named(stream, () => {
    const normal = builder.op('normal', [], { shape: builder.shapeOf(parameter), stream });
    return add(builder, parameter, scale(builder, normal, sigma));
  });
}

/** The smoothed scale of a site; the first batch's own while the buffer still holds its initial 0. */
function averagedScale(
  builder: Builder,
  value: Value,
  format: Parameters<typeof dynamicScale>[2],
  momentum: number,
  site: string,
  buffers: Map<string, Value>,
): Value {
  const name = `${site}.scale`;
  const old = lookup(buffers, name);
  const current = dynamicScale(
    builder,
    value,
    format,
    scaleAxes(builder.shapeOf(value).length, format, 1),
    site,
  );
  const next = builder.named(name, () => {
    const weight = scale(builder, step(builder, old), momentum);
    const change = mul(builder, weight, sub(builder, old, current));
    return builder.op('stopGradient', [add(builder, current, change)], {});
  });
  buffers.set(name, next);
  return next;
}
