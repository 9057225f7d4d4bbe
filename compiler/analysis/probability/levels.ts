import type { SiteKind } from '../../check/checked-spec.ts';
import { lookup } from '../../lower/lookup.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { type Format, formatName } from '../../numeric/format.ts';
import type { BatchContext } from './context.ts';
import type { ProbeTensor } from './contract.ts';
import { roundingNoise, scaleIn } from './noise.ts';
import type { SitePoint } from './perturb.ts';
import { dot } from './statistics.ts';
import { siteNames } from './study.ts';

/** Formats to measure at each site by the site's name; a site without an entry is measured at its planned format only. */
export type Levels = ReadonlyMap<string, readonly Format[]>;

/** The formats of a site, the planned one first, f32 left out, for it rounds nothing. */
export function levelsOf(program: TrainingProgram, levels: Levels, site: string): readonly Format[] {
  const planned = lookup(program.plan.sites, site).format;
  const formats = [planned, ...(levels.get(site) ?? [])].filter((f) => f.element.kind !== 'f32');
  return [...new Map(formats.map((f) => [formatName(f), f])).values()];
}

/**
 * The scale of x at a point in one of its levels.
 *
 * @param planned the planned format's scale, where the graph computed it
 */
export function levelScale(
  program: TrainingProgram,
  point: Pick<SitePoint, 'site' | 'element'>,
  format: Format,
  x: ProbeTensor,
  planned: ProbeTensor | undefined,
): ProbeTensor {
  const { format: lowered, site } = lookup(program.plan.sites, point.site);
  if (planned && formatName(format) === formatName(lowered)) return planned;
  if (planned && lowered.granularity.kind === 'group')
    throw new Error(`${point.site} is planned in groups, where no other format is measured`);
  const scale = planned ?? { shape: [], data: Float64Array.of(1) };
  return scaleIn(x, format, channelAxis(site.kind), { scale, element: point.element });
}

/** Parameters and what has their shape keep a scale for each `[out]`, activations and cotangents for each channel. */
function channelAxis(kind: SiteKind): number {
  return kind === 'in' || kind === 'out' || kind === 'grad' ? 1 : 0;
}

/** The rounding variances of every site's levels on one batch, each computed once. */
export class LevelVariances {
  readonly #context: BatchContext;
  readonly #known = new Map<string, Float32Array>();

  constructor(context: BatchContext) {
    this.#context = context;
  }

  /** By level, `Σ_j σ_j²·a_j` over all points of the site that the adjoints know. */
  shares(site: string, levels: readonly string[], adjoints: ReadonlyMap<string, Float32Array>): number[] {
    const { subject } = this.#context;
    const points = subject.perturbed.sites.filter((p) => p.site === site && adjoints.has(p.name));
    const formats = levelsOf(subject.program, this.#context.levels, site);
    return levels.map((_, i) => {
      const format = formats[i];
      if (!format) return 0;
      return points.reduce((sum, p) => sum + dot(this.#variance(p, format), lookup(adjoints, p.name)), 0);
    });
  }

  #variance(point: SitePoint, format: Format): Float32Array {
    const key = `${point.name} ${formatName(format)}`;
    const known = this.#known.get(key);
    if (known) return known;
    const { subject, drawn, settings } = this.#context;
    const names = siteNames(point.name);
    const x = lookup(drawn.base, names.x);
    const scale = levelScale(subject.program, point, format, x, lookup(drawn.base, names.scale));
    if (format.element.kind === 'f32') return new Float32Array(x.data.length);
    const { variance } = roundingNoise(x, scale, format.element, format.rounding, settings.nearest);
    this.#known.set(key, variance);
    return variance;
  }
}
