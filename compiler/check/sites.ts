import type { LayerId, Optimizer, SiteKind } from './checked-spec.ts';
import type { Draft } from './draft.ts';

/** A place where values may be quantized, before a format is chosen for it. */
export interface SiteDraft {
  readonly name: string;
  readonly kind: SiteKind;
  readonly layer: LayerId;
  readonly alsoReadBy: readonly LayerId[];
  /** Other names by which annotations may call it. */
  readonly aliases: readonly string[];
  /** The values are known to be ≥ 0. */
  readonly nonNegative: boolean;
  /** Exists only where an annotation names it. */
  readonly onDemand: boolean;
}

type ParameterName = 'weights' | 'bias' | 'scale' | 'shift';

/** Moments that an optimizer keeps for each parameter; adam's v is a mean of squares, momentum's v a velocity. */
const MOMENTS: Readonly<Record<Optimizer['kind'], readonly ('m' | 'v')[]>> = {
  sgd: [],
  momentum: ['v'],
  adam: ['m', 'v'],
  adamw: ['m', 'v'],
};

function parametersOf(draft: Draft): readonly ParameterName[] {
  if (draft.kind === 'conv' || draft.kind === 'dense') return draft.bias ? ['weights', 'bias'] : ['weights'];
  return draft.kind === 'batchnorm' ? ['scale', 'shift'] : [];
}

export function isProduct(draft: Draft): boolean {
  return draft.kind === 'conv' || draft.kind === 'dense';
}

/**
 * Every site of a model in the order of F, B and U: in F what products read and what annotations may add at any
 * layer's output, in B (last layer first) cotangents and parameter gradients, in U stored parameters and moments.
 */
export function collectSites(
  drafts: readonly Draft[],
  optimizer: Optimizer['kind'] | undefined,
): readonly SiteDraft[] {
  const readers = readersOf(drafts);
  const forward: SiteDraft[] = [];
  const backward: SiteDraft[] = [];
  const update: SiteDraft[] = [];
  drafts.forEach((draft, layer) => {
    const site = (kind: SiteKind, more: Partial<SiteDraft> = {}): SiteDraft => ({
      name: `${draft.path}.${kind}`,
      kind,
      layer,
      alsoReadBy: [],
      aliases: [],
      nonNegative: false,
      onDemand: false,
      ...more,
    });
    const parameters = parametersOf(draft);
    const [source] = draft.inputs;
    const sharing = source === undefined ? [layer] : (readers.get(source) ?? []);
    if (isProduct(draft) && sharing[0] === layer) {
      const others = sharing.slice(1);
      const aliases = others.map((other) => `${drafts[other]?.path}.in`);
      const nonNegative = source !== undefined && drafts[source]?.layer?.nonNegative === true;
      forward.push(site('in', { alsoReadBy: others, aliases, nonNegative }));
    }
    for (const parameter of parameters) forward.push(site(parameter));
    forward.push(
      site('out', { aliases: [draft.path], nonNegative: draft.layer?.nonNegative === true, onDemand: true }),
    );

    if (isProduct(draft)) backward.push(site('grad'));
    for (const parameter of parameters) backward.push(site(`${parameter}.grad`));

    for (const parameter of parameters) {
      update.push(site(`${parameter}.stored`));
      for (const moment of optimizer === undefined ? (['m', 'v'] as const) : MOMENTS[optimizer]) {
        update.push(
          site(`${parameter}.${moment}`, { nonNegative: moment === 'v' && optimizer !== 'momentum' }),
        );
      }
    }
  });
  return [...forward, ...inReverseLayers(backward), ...update];
}

/** Products that read each layer's value, in layer order. */
function readersOf(drafts: readonly Draft[]): ReadonlyMap<LayerId, readonly LayerId[]> {
  const readers = new Map<LayerId, LayerId[]>();
  drafts.forEach((draft, layer) => {
    const [source] = draft.inputs;
    if (!isProduct(draft) || source === undefined) return;
    const known = readers.get(source);
    if (known === undefined) readers.set(source, [layer]);
    else known.push(layer);
  });
  return readers;
}

/** Last layer first, the sites of one layer in their own order. */
function inReverseLayers(sites: readonly SiteDraft[]): readonly SiteDraft[] {
  return sites.toSorted((a, b) => b.layer - a.layer);
}
