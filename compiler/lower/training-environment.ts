import type { CheckedModel } from '../check/checked-spec.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import type { Format } from '../numeric/format.ts';
import { add, mul, scale, shift, step, sub } from '../ops/algebra.ts';
import { movingAverage, withBatchMoments } from './batch-statistics.ts';
import type { Environment } from './environment.ts';
import { scaleAxes } from './grouping.ts';
import { lookup } from './lookup.ts';
import { tensorName } from './model.ts';
import type { FormatPlan } from './plan.ts';
import { dynamicScale, presence, quantize, quantizeAt, quantizeCotangent, scaleOr } from './quantizer.ts';
import { siteFormats } from './site-formats.ts';

/** What one forward pass of training reads and writes besides its batch. */
export interface TrainingTensors {
  /** θ by name. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Buffers by name, replaced as the pass updates them. */
  readonly buffers: Map<string, Value>;
}

/** Normal noise on every parameter, drawn once for each `summand`. */
export interface WeightNoise {
  readonly summand: string;
  /** Standard deviation. */
  readonly sigma: number;
}

/**
 * F in training: parameters with their weight noise and formats, activations quantized where they are read, cotangents
 * where they arrive, batch norm by the batch's own moments.
 *
 * @param summand empty, or `#1`, `#2`, … where a step has several forward passes with noise of their own
 * @param noises what is added to every parameter
 */
export function trainingEnvironment(
  builder: Builder,
  model: CheckedModel,
  plan: FormatPlan,
  tensors: TrainingTensors,
  summand: string,
  noises: readonly WeightNoise[],
): Environment {
  const formats = siteFormats(model, plan);
  const smoothed = new Map<string, Value>();
  const parameter: Environment['parameter'] = (layer, name) => {
    const site = tensorName(layer, name);
    const noisy = noises.reduce(
      (value, noise) => withNoise(builder, value, noise.sigma, `${site}.noise${noise.summand}`),
      lookup(tensors.parameters, site),
    );
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
      // The scale moves once, however many layers read the site.
      const scale =
        smoothed.get(site.name) ??
        averagedScale(builder, value, format, format.scale.momentum, site.name, tensors.buffers);
      smoothed.set(site.name, scale);
      return quantizeAt(builder, value, scale, format, site.name + summand);
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

/** `θ + σ·n`, n standard normal. */
function withNoise(builder: Builder, parameter: Value, sigma: number, stream: string): Value {
  if (sigma === 0) return parameter;
  return builder.named(stream, () => {
    const normal = builder.op('normal', [], { shape: builder.shapeOf(parameter), stream });
    return add(builder, parameter, scale(builder, normal, sigma));
  });
}

/**
 * The smoothed scale of a site. The buffer is 0 until a batch had a value other than zero, whose own scale it then takes; a
 * batch that is zero throughout leaves it as it is.
 */
function averagedScale(
  builder: Builder,
  value: Value,
  format: Format,
  momentum: number,
  site: string,
  buffers: Map<string, Value>,
): Value {
  const name = `${site}.scale`;
  const old = lookup(buffers, name);
  const axes = scaleAxes(builder.shapeOf(value).length, format, 1);
  const current = dynamicScale(builder, value, format, axes, site);
  return builder.named(name, () => {
    const seen = presence(builder, value, axes);
    const started = step(builder, old);
    // The share of the old scale: momentum where this batch says something, 1 where it does not, 0 before the first that does.
    const kept = mul(builder, started, shift(builder, scale(builder, seen, momentum - 1), 1));
    const taken = sub(builder, builder.constant(1), kept);
    const moved = add(builder, mul(builder, old, kept), mul(builder, current, taken));
    const next = mul(builder, moved, builder.op('maximum', [seen, started], {}));
    buffers.set(name, next);
    return builder.op('stopGradient', [scaleOr(builder, next, builder.constant(1))], {});
  });
}
