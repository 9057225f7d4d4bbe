import type { CheckedModel, LayerId } from '../check/checked-spec.ts';
import { F32, type Format } from '../numeric/format.ts';
import { at } from './lookup.ts';
import type { FormatPlan, PlannedSite } from './plan.ts';

/** A plan's formats, found by tensor name and, for what layers read, by the layer that is read. */
export interface SiteFormats {
  /** The format of a named site; f32 where a layer has no such site. */
  of(name: string): Format;
  /** The activation site on a layer's output, if a matmul or convolution reads it. */
  readingOf(source: LayerId): PlannedSite | undefined;
  /** The site that an annotation put at a layer's output. */
  outputOf(layer: LayerId): PlannedSite | undefined;
}

export function siteFormats(model: CheckedModel, plan: FormatPlan): SiteFormats {
  const reading = new Map<LayerId, PlannedSite>();
  const outputs = new Map<LayerId, PlannedSite>();
  for (const planned of plan.sites.values()) {
    const { kind, layer } = planned.site;
    const [source] = at(model.layers, layer).inputs;
    if (kind === 'in' && source !== undefined) reading.set(source, planned);
    if (kind === 'out') outputs.set(layer, planned);
  }
  return {
    of: (name) => plan.sites.get(name)?.format ?? F32,
    readingOf: (source) => reading.get(source),
    outputOf: (layer) => outputs.get(layer),
  };
}

/** The sites on activations that quantize: what is read and what an annotation put at a value. */
export function activationSites(plan: FormatPlan): readonly PlannedSite[] {
  return [...plan.sites.values()].filter(
    ({ site, format }) => (site.kind === 'in' || site.kind === 'out') && format.element.kind !== 'f32',
  );
}
