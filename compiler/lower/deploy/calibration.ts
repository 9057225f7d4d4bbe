import type { CheckedSpec } from '../../check/checked-spec.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Graph, Output, Value } from '../../ir/graph.ts';
import type { FloatTensors } from '../../ir/tensor.ts';
import { mul } from '../../ops/algebra.ts';
import { newBuilder } from '../../ops/registry.ts';
import { withRunningMoments } from '../batch-statistics.ts';
import type { Environment } from '../environment.ts';
import { scaleAxes } from '../grouping.ts';
import { lookup } from '../lookup.ts';
import { lowerModel, tensorName } from '../model.ts';
import type { FormatPlan, PlannedSite } from '../plan.ts';
import { dynamicScale, presence, quantize, quantizeAt, scaleOr } from '../quantizer.ts';
import { siteFormats } from '../site-formats.ts';
import { modelBuffers, modelParameters } from '../training.ts';

/** Inputs x, parameters and buffers of an evaluation of the model, by name. */
export function evaluationInputs(
  builder: Builder,
  spec: CheckedSpec,
  plan: FormatPlan,
  batch: number,
): { readonly x: Value; readonly tensors: ReadonlyMap<string, Value> } {
  const x = builder.named('x', () =>
    builder.input('x', 'batch', { dtype: 'f32', shape: [batch, ...spec.data.sampleShape] }),
  );
  const declared = [...modelParameters(spec.model), ...modelBuffers(spec.model, plan)];
  const tensors = declared.map(({ name, role, shape }) => {
    const value = builder.named(name, () => builder.input(name, role, { dtype: 'f32', shape }));
    return [name, value] as const;
  });
  return { x, tensors: new Map(tensors) };
}

/** Batch norm by running moments, for every evaluation that does not fold it away. */
export function runningBatchNorm(
  builder: Builder,
  tensors: ReadonlyMap<string, Value>,
  parameter: Environment['parameter'],
): Environment['batchNorm'] {
  return (layer, value) => {
    const affine = { scale: parameter(layer, 'scale'), shift: parameter(layer, 'shift') };
    const moments = {
      mean: lookup(tensors, tensorName(layer, 'mean')),
      variance: lookup(tensors, tensorName(layer, 'variance')),
    };
    return withRunningMoments(builder, value, layer, affine, moments);
  };
}

/**
 * The model with running moments and formats at scales taken from each batch. Inputs: x, parameters, buffers. Outputs:
 * `logits`; for each activation site that keeps a fixed scale in deployment `<site>.scale`; for each quantized parameter its
 * value `<parameter>` and, where one scale serves a tensor or channel, `<parameter>.scale`; each name but `logits` followed by
 * `.calibrated`. Rounding is to nearest throughout.
 */
export function lowerCalibration(spec: CheckedSpec, plan: FormatPlan, batch: number): Graph {
  const builder = newBuilder();
  const { x, tensors } = evaluationInputs(builder, spec, plan, batch);
  const formats = siteFormats(spec.model, plan);
  const outputs = new Map<string, Value>();
  const activation = (planned: PlannedSite | undefined, value: Value): Value => {
    if (!planned || planned.format.element.kind === 'f32') return value;
    const format = { ...planned.format, rounding: 'nearest' as const };
    const { name } = planned.site;
    if (!hasFixedScale(planned)) return quantize(builder, value, format, 1, name);
    const axes = scaleAxes(builder.shapeOf(value).length, format, 1);
    // The mean of the exact scales is what freezing rounds to a power of two, not the mean of rounded ones.
    const absmax = dynamicScale(builder, value, { ...format, scale: { kind: 'absmax' } }, axes, name);
    const measured = mul(builder, absmax, presence(builder, value, axes));
    if (format.scale.kind === 'moving_average') {
      const kept = scaleOr(builder, lookup(tensors, `${name}.scale`), measured);
      outputs.set(`${name}.scale`, kept);
      return quantizeAt(builder, value, scaleOr(builder, kept, builder.constant(1)), format, name);
    }
    outputs.set(`${name}.scale`, measured);
    return quantizeAt(builder, value, dynamicScale(builder, value, format, axes, name), format, name);
  };
  const parameter: Environment['parameter'] = (layer, name) => {
    const site = tensorName(layer, name);
    const raw = lookup(tensors, site);
    const format = { ...formats.of(site), rounding: 'nearest' as const };
    if (format.element.kind === 'f32') return raw;
    const value = quantize(builder, raw, format, 0, site);
    outputs.set(site, value);
    if (format.element.kind === 'int' && format.granularity.kind !== 'group') {
      const axes = scaleAxes(builder.shapeOf(raw).length, format, 0);
      outputs.set(`${site}.scale`, dynamicScale(builder, raw, format, axes, site));
    }
    return value;
  };
  const environment: Environment = {
    builder,
    parameter,
    read: (_, source, value) => activation(formats.readingOf(source), value),
    gradientSite: (_, value) => value,
    output: (layer, value) => activation(formats.outputOf(layer), value),
    batchNorm: runningBatchNorm(builder, tensors, parameter),
  };
  const logits = lowerModel(spec.model, x, environment);
  const named: Output[] = [...outputs].map(([name, value]) => ({ name: `${name}${CALIBRATED}`, value }));
  return builder.build(`${spec.name}_calibration`, [...named, { name: 'logits', value: logits }]);
}

/** Marks a calibration output, whose tensor's own name belongs to an input. */
const CALIBRATED = '.calibrated';

/** Whether a site keeps one scale for every sample once deployed: integers per tensor or channel, scaled floats likewise. */
export function hasFixedScale({ format }: PlannedSite): boolean {
  return (
    format.granularity.kind !== 'group' && format.scale.kind !== 'none' && format.scale.kind !== 'two_level'
  );
}

/**
 * The mean over batches of every calibration output but the logits, in float64, rounded once to float32. Batches in which
 * a scale found only zeros (0) do not count; a scale that no batch determined is 1.
 */
export function meanCalibration(batches: readonly FloatTensors[]): FloatTensors {
  const [first] = batches;
  if (!first) throw new Error('calibration needs at least one batch');
  const names = [...first.keys()].filter((name) => name !== 'logits');
  return new Map(
    names.map((output) => {
      const name = output.slice(0, -CALIBRATED.length);
      const tensors = batches.map((batch) => lookup(batch, output).data);
      const { shape, data } = lookup(first, output);
      const mean = data.map((_, i) => {
        const values = tensors.map((tensor) => tensor[i] ?? 0);
        return name.endsWith('.scale')
          ? (meanOf(values.filter((value) => value > 0)) ?? 1)
          : (meanOf(values) ?? 0);
      });
      return [name, { shape, data: mean }];
    }),
  );
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}
