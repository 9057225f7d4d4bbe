import type { Reference, SensitivityTable } from '../../analysis/probability/index.ts';
import type { CheckedSpec } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic, type Result } from '../../diagnostics/diagnostic.ts';
import { lowerAssigned } from '../../lower/assigned.ts';
import { lookup } from '../../lower/lookup.ts';
import type { Assignment } from '../../lower/plan.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { formatName } from '../../numeric/format.ts';
import { levelNames } from './choices.ts';
import { assignmentOf, probeRequest } from './plan.ts';
import { type AutoProblem, autoProblem, type ModelledRequirement, shareOfRequirement } from './problem.ts';
import { validateRequirements } from './requirements.ts';
import { type AutoInfeasible, allocateAuto } from './search.ts';

/**
 * What was measured of a spec with `auto` sites, as a file beside it: formats follow from the text and this, on every machine and without
 * data. Numbers speak of the parameters, batches and seeds that they name.
 */
export interface Sensitivities {
  readonly kind: 'qspec sensitivities';
  readonly version: 1;
  /** SHA-256 of the spec's text. */
  readonly spec: string;
  /** Parameters at which they were measured. */
  readonly parameters: string;
  readonly tables: readonly SensitivityTable[];
  /** What each requirement's model may reach of its tolerance: below 1 where the full prediction was above the model. */
  readonly margin: readonly number[];
}

/** The file's content; a reason where it is none. */
export function parseSensitivities(text: string): Sensitivities | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  const file = json as Partial<Sensitivities> | null;
  if (file === null || typeof file !== 'object' || file.kind !== 'qspec sensitivities') {
    return "its kind is not 'qspec sensitivities'";
  }
  if (file.version !== 1) return `its version is ${JSON.stringify(file.version)}, not 1`;
  const whole =
    typeof file.spec === 'string' &&
    typeof file.parameters === 'string' &&
    Array.isArray(file.tables) &&
    file.tables.every((table) => Array.isArray(table?.sites) && Array.isArray(table?.batches)) &&
    Array.isArray(file.margin) &&
    file.margin.every((m) => typeof m === 'number' && m > 0);
  return whole ? (file as Sensitivities) : 'it lacks tables or margins';
}

/** Deterministic, and on one line: it is measured, not written. */
export function sensitivitiesText(file: Sensitivities): string {
  return `${JSON.stringify(file)}\n`;
}

/** Formats for a spec from what was measured of it. */
export function deriveAssignment(spec: CheckedSpec, file: Sensitivities): Result<Assignment> {
  const fail = (found: Diagnostic): Result<Assignment> => ({ value: undefined, diagnostics: [found] });
  const unusable = (reason: string) =>
    fail(diagnostic('QS5011', spec.train.span, { reason }, { hint: 'measure it anew with qspec allocate' }));
  const request = probeRequest(spec);
  if (request === undefined) return { value: { formats: new Map(), why: '' }, diagnostics: [] };
  const refused = validateRequirements(spec);
  if (refused.length > 0) return { value: undefined, diagnostics: refused };
  const { value: program, diagnostics } = lowerAssigned(spec, request.assignment);
  if (program === undefined) return { value: undefined, diagnostics };
  const problem = posed(spec, program, file);
  if (typeof problem === 'string') return unusable(problem);
  if (problem.requirements.length !== file.margin.length)
    return unusable('its margins are not one a requirement');
  const found = allocateAuto(problem, file.margin);
  if (found.status === 'infeasible') return fail(infeasible(problem, found));
  return { value: assignmentOf(problem, found.widths, whyOf(spec)), diagnostics: [] };
}

/** The problem, or why the tables do not pose it. */
function posed(spec: CheckedSpec, program: TrainingProgram, file: Sensitivities): AutoProblem | string {
  const tables = new Map(file.tables.map((table) => [table.reference, table] as const));
  const request = probeRequest(spec);
  for (const [reference, quantities] of request?.references ?? []) {
    const table = tables.get(reference);
    if (table === undefined) return `nothing in it was measured against '${reference}'`;
    const missing = quantities.find((quantity) =>
      table.batches.some((b) => b.quantities[quantity] === undefined),
    );
    if (missing !== undefined) return `it does not say what the error of '${missing}' is`;
    const gap = unmeasured(table, request?.levels ?? new Map(), reference);
    if (gap !== undefined) return gap;
  }
  return autoProblem(spec, program, tables);
}

function unmeasured(
  table: SensitivityTable,
  levels: ReadonlyMap<string, readonly Parameters<typeof formatName>[0][]>,
  reference: Reference,
): string | undefined {
  for (const { site, levels: known } of table.sites) {
    const missing = levels
      .get(site)
      ?.map(formatName)
      .find((name) => name !== 'f32' && !known.includes(name));
    if (missing !== undefined) return `'${missing}' of '${site}' was not measured against '${reference}'`;
  }
  return undefined;
}

/** Why a site has the format that it has. */
export function whyOf(spec: CheckedSpec): string {
  const quantities = [...new Set(spec.precision.requirements.map(({ quantity }) => quantity))];
  return `derived from what is required of ${quantities.join(', ')}`;
}

/** Which requirement the widest formats do not meet, what they reach, and the three sites that cost most. */
export function infeasible(problem: AutoProblem, { requirement, values }: AutoInfeasible): Diagnostic {
  const failed = problem.requirements[requirement];
  const value = values[requirement];
  if (failed === undefined || value === undefined) throw new Error('no requirement failed');
  const { bound, span } = failed.requirement;
  const best = bound * value.share;
  const parameters = {
    quantity: failed.quantity,
    tolerance: percent(bound),
    best: percent(best),
    contributors: contributors(problem, failed),
  };
  const enough = `require ${percent(best * 1.01)} or more`;
  return problem.choices.length === 0
    ? diagnostic('QS5017', span, parameters, { hint: `${enough}, or write more bits` })
    : diagnostic('QS5010', span, parameters, { hint: `${enough}, or allow more bits` });
}

function percent(x: number): string {
  return `${Number((100 * x).toPrecision(3))} %`;
}

/** The sites whose rounding alone costs most at the widest formats. */
function contributors(problem: AutoProblem, requirement: ModelledRequirement): string {
  const widest = levelNames(
    problem,
    problem.choices.map(({ widths }) => widths.length - 1),
  );
  const whole = shareOfRequirement(requirement, widest).share;
  const costs = [...widest].map(([site]) => {
    const without = new Map(widest).set(site, 'f32');
    return { site, cost: whole - shareOfRequirement(requirement, without).share };
  });
  const top = costs.sort((a, b) => b.cost - a.cost).slice(0, 3);
  return top.map(({ site }) => `${site} at ${lookup(widest, site)}`).join(', ');
}
