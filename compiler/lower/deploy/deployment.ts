import type { AnyLayer, CheckedSpec, Layer } from '../../check/checked-spec.ts';
import type { IntElement } from '../../numeric/format.ts';
import { parametersOf, tensorName } from '../model.ts';
import type { FormatPlan, PlannedSite } from '../plan.ts';
import { activationSites, type SiteFormats, siteFormats } from '../site-formats.ts';
import { hasFixedScale } from './calibration.ts';
import { type FoldedModel, foldBatchNorms } from './fold.ts';

/** Codes of biases: 32 bits at the scale `s_x · s_w` of the products that they are added to. */
export const BIAS_ELEMENT: IntElement = { kind: 'int', bits: 32, signed: true, narrow: false };

/** How one trained tensor of a linear layer is held in a deployed model. */
export interface LinearDeployment {
  readonly layer: Layer<'conv'> | Layer<'dense'>;
  readonly weightsShape: readonly number[];
  /** The batch norm whose factor and offset the layer takes over. */
  readonly batchNorm: Layer<'batchnorm'> | undefined;
  /** The element of integer codes, where one scale a tensor or channel serves; else weights are f32 values. */
  readonly weights: IntElement | undefined;
  /** Whether the scale has one value for each output channel. */
  readonly perChannel: boolean;
  /** The activation site that scales the bias; undefined where the bias stays f32. */
  readonly biasInput: PlannedSite | undefined;
}

/** What of a model is stored, and how, once it is deployed: the agreement between freezing and evaluation. */
export interface Deployment {
  readonly folded: FoldedModel;
  readonly formats: SiteFormats;
  readonly linear: ReadonlyMap<string, LinearDeployment>;
  /** Batch norms that nothing could take: a factor and an offset per channel. */
  readonly batchNorms: readonly Layer<'batchnorm'>[];
  /** Activation sites with a fixed scale. */
  readonly scaled: readonly PlannedSite[];
}

export function deploymentOf(spec: CheckedSpec, plan: FormatPlan): Deployment {
  const formats = siteFormats(spec.model, plan);
  const folded = foldBatchNorms(spec.model, (layer) => {
    const planned = formats.outputOf(layer);
    return planned !== undefined && planned.format.element.kind !== 'f32';
  });
  const taken = new Set([...folded.taken.values()].map(({ path }) => path));
  const linear = folded.model.layers.flatMap((layer) => {
    if (layer.kind !== 'conv' && layer.kind !== 'dense') return [];
    return [[layer.path, linearDeployment(layer, spec, folded, formats)] as const];
  });
  return {
    folded,
    formats,
    linear: new Map(linear),
    batchNorms: spec.model.layers
      .filter((layer) => layer.kind === 'batchnorm')
      .filter(({ path }) => !taken.has(path)),
    scaled: activationSites(plan).filter(hasFixedScale),
  };
}

function linearDeployment(
  layer: Layer<'conv'> | Layer<'dense'>,
  spec: CheckedSpec,
  folded: FoldedModel,
  formats: SiteFormats,
): LinearDeployment {
  const { element, granularity } = formats.of(tensorName(layer, 'weights'));
  const weights = element.kind === 'int' && granularity.kind !== 'group' ? element : undefined;
  const batchNorm = folded.taken.get(layer.path);
  const [source] = layer.inputs;
  const input = source === undefined ? undefined : formats.readingOf(source);
  // Above 24 bits together s_x · s_w is so fine that ordinary biases leave the range of 32-bit codes.
  const integerInput =
    input?.format.element.kind === 'int' &&
    input.format.granularity.kind === 'tensor' &&
    input.format.element.bits + (weights?.bits ?? 0) <= 24
      ? input
      : undefined;
  return {
    layer,
    weightsShape: parametersOf(spec.model, layer as AnyLayer)[0]?.shape ?? [],
    batchNorm,
    weights,
    perChannel: granularity.kind === 'channel' || batchNorm !== undefined,
    biasInput: weights && layer.options.bias ? integerInput : undefined,
  };
}
