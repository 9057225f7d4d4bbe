import type { Levels, Quantity, Reference } from '../../analysis/probability/index.ts';
import type { CheckedSpec, Requirement } from '../../check/checked-spec.ts';
import type { Result } from '../../diagnostics/diagnostic.ts';
import { type AutoSite, autoSites, levelsOf, measuredRequirements } from '../../lower/levels.ts';
import type { Assignment } from '../../lower/plan.ts';
import { F32, type Format } from '../../numeric/format.ts';
import type { Choices, Widths } from './choices.ts';
import { validateRequirements } from './requirements.ts';

/** The width around which sensitivities are first measured. */
const FIRST_BITS = 8;

/** What has to be measured before formats can be derived: pure data, answered by whoever can run graphs. */
export interface ProbeRequest {
  /** Formats at which the step is lowered for the measurement: a quantizer at every site that is to be derived. */
  readonly assignment: Assignment;
  /** Formats to measure at each site. */
  readonly levels: Levels;
  /** What each reference is asked about. */
  readonly references: ReadonlyMap<Reference, readonly Quantity[]>;
  readonly probability: number;
}

/** The request of a spec with requirements that name a probability, about its `auto` sites or what is written; undefined where there are none. */
export function probeRequest(
  spec: CheckedSpec,
  around?: ReadonlyMap<string, Format>,
): ProbeRequest | undefined {
  const sites = autoSites(spec);
  const requirements = measuredRequirements(spec);
  if (requirements.length === 0) return undefined;
  const levels = new Map(sites.map((site) => [site.name, levelsOf(spec, site).map(({ format }) => format)]));
  const references = new Map<Reference, readonly Quantity[]>();
  for (const { reference, quantity } of requirements) {
    const known = references.get(reference) ?? [];
    references.set(reference, [...new Set([...known, ...quantitiesOf(spec, quantity)])]);
  }
  const probability = Math.max(...requirements.map((r) => r.probability ?? 0));
  return { assignment: firstAssignment(spec, around), levels, references, probability };
}

/** Formats with a quantizer at every `auto` site: about 8 bits, or those around which to measure. */
export function firstAssignment(spec: CheckedSpec, around?: ReadonlyMap<string, Format>): Assignment {
  const sites = autoSites(spec);
  const formats = sites.map(
    (site) => [site.name, measuredFormat(spec, site, around?.get(site.name))] as const,
  );
  return { formats: new Map(formats), why: 'to be measured', unproved: true };
}

/** The formats at which a spec is first measured: a plan to make state and batches for, and no answer. */
export function measuredAssignment(spec: CheckedSpec): Result<Assignment> | undefined {
  const request = probeRequest(spec);
  const diagnostics = request === undefined ? [] : validateRequirements(spec);
  return request && { value: diagnostics.length > 0 ? undefined : request.assignment, diagnostics };
}

/** A quantizer must stand where something is to be measured, so that f32 gives way to the widest format below it. */
function measuredFormat(spec: CheckedSpec, site: AutoSite, around: Format | undefined): Format {
  if (around !== undefined && around.element.kind !== 'f32') return around;
  const grids = levelsOf(spec, site).filter(({ format }) => format.element.kind !== 'f32');
  const wide = around === undefined ? grids.find(({ bits }) => bits >= FIRST_BITS) : undefined;
  return (wide ?? grids.at(-1))?.format ?? F32;
}

function quantitiesOf(spec: CheckedSpec, quantity: Requirement['quantity']): readonly Quantity[] {
  if (quantity !== 'each gradient') return [quantity];
  const gradients = spec.precision.sites.filter(({ kind }) =>
    /^(weights|bias|scale|shift)\.grad$/.test(kind),
  );
  return gradients.map(({ name }) => `gradient:${name.slice(0, -'.grad'.length)}`);
}

/** The formats of an allocation, as a plan takes them. */
export function assignmentOf(problem: Choices, widths: Widths, why: string): Assignment {
  const formats = new Map<string, Format>();
  problem.choices.forEach(({ sites, widths: all }, i) => {
    const bits = all[widths[i] ?? 0] ?? 0;
    for (const { name } of sites) {
      const format = problem.formats.get(name)?.get(bits);
      if (format === undefined) throw new Error(`${name} has no format of ${bits} bits`);
      formats.set(name, format);
    }
  });
  return { formats, why };
}
