import type { Certificate } from '../certificate/certificate.ts';
import { namedQuantizers } from '../certificate/names.ts';
import { digestOf, hashOfText, planHash } from '../certificate/seal.ts';
import { check } from '../check/check.ts';
import type { CheckedSpec } from '../check/checked-spec.ts';
import { nodeOf, sizeOf } from '../ir/graph.ts';
import type { FloatTensors } from '../ir/tensor.ts';
import { autoSites, levelsOf } from '../lower/levels.ts';
import { planFormats } from '../lower/plan.ts';
import type { TrainingProgram } from '../lower/program.ts';
import { lowerTraining } from '../lower/training.ts';
import { type Format, formatName } from '../numeric/format.ts';
import type { Source } from '../source/source.ts';
import { parse } from '../syntax/parse.ts';
import { checkConfirmation } from './confirmation.ts';
import { leavesOf } from './leaves.ts';
import { checkModel } from './model.ts';
import { checkRequirements } from './requirements.ts';
import { recomputeStep } from './step.ts';
import { Findings, member, type Verdict } from './verdict.ts';
import { checkWorstCase } from './worst-case.ts';

/** What a certificate about a checkpoint is certified against. */
export interface CheckpointState {
  /** SHA-256 of its tensors as a safetensors file without metadata. */
  readonly sha256: string;
  readonly step: number;
  readonly tensors: FloatTensors;
}

/** Parameters past this many are not drawn. */
const MOST_DRAWN = 2 ** 27;

/**
 * Recomputes what a certificate states from the spec's text and the formats that it states: from the text to the graph as the compiler does,
 * from the graph to bounds by arithmetic and passes of its own. No search, nothing of the analysis.
 *
 * @param state needed where the certificate speaks of a checkpoint
 */
export function certify(source: Source, certificate: Certificate, state?: CheckpointState): Verdict {
  const findings = new Findings();
  const digest = digestOf(certificate);
  findings.check('digest', '/digest', certificate.digest === digest, () =>
    ['the certificate was changed after it was made', `it hashes to ${digest}`].join(': '),
  );
  const hash = hashOfText(source.text);
  findings.check('spec', '/spec/sha256', certificate.spec.sha256 === hash, () =>
    [`the spec's text hashes to ${hash}`, 'it is another one'].join(': '),
  );
  checkAgainstSpec(source, certificate, state, findings);
  return findings.verdict();
}

function checkAgainstSpec(
  source: Source,
  certificate: Certificate,
  state: CheckpointState | undefined,
  findings: Findings,
): void {
  const parsed = parse(source).value;
  const spec = parsed && check(parsed, source).value;
  findings.check('spec', '/spec', spec !== undefined, () => 'the spec has errors');
  if (spec === undefined) return;
  findings.check('spec', '/spec/name', certificate.spec.name === spec.name, () => `the spec is ${spec.name}`);
  const programs = lowered(spec, certificate, findings);
  if (programs === undefined) return;
  const [program, single] = programs;
  if (!checkParameters(certificate, spec, program, state, findings)) return;
  const names = program.tensors.filter(({ role }) => role === 'parameter').map(({ name }) => name);
  const leaves = leavesOf(spec, program, certificate.parameters, state?.tensors);
  const { worst_case: worstCase, probability = [] } = certificate;
  const step = worstCase && recomputeStep(program, single.stepWithGradients, leaves);
  if (worstCase !== undefined && step !== undefined) checkWorstCase(worstCase, step, findings);
  probability.forEach((statement, i) => {
    const graph = program.stepWithGradients;
    const sites = [...namedQuantizers(graph)].flatMap(([site, value]) =>
      statement.reference === 'real' || nodeOf(graph, value).origin.phase !== 'F' ? [site] : [],
    );
    checkModel(statement, `/probability/${i}`, sites, findings);
    checkConfirmation(statement, `/probability/${i}`, findings);
  });
  checkRequirements(certificate, spec.precision.requirements, names, step, findings);
}

/** The step at the certificate's formats, and the same at a batch of one. */
function lowered(
  spec: CheckedSpec,
  { formats, plan: stated }: Certificate,
  findings: Findings,
): readonly [TrainingProgram, TrainingProgram] | undefined {
  const hash = planHash(formats);
  findings.check('plan', '/plan', stated === hash, () => `the formats hash to ${hash}`);
  const { sites } = spec.precision;
  findings.sameNames(
    'format',
    '/formats',
    Object.keys(formats),
    sites.map(({ name }) => name),
    'site',
  );
  const chosen = new Map<string, Format>();
  let complete = true;
  const given = new Map(Object.entries(formats));
  const differ = (site: string, allowed: readonly Format[]): Format | undefined => {
    const text = given.get(site);
    const format = allowed.find((one) => formatName(one) === text);
    complete &&= format !== undefined;
    findings.check('format', member('/formats', site), format !== undefined, () =>
      [`it states ${text ?? 'none'}`, `the spec allows ${allowed.map(formatName).join(' or ')}`].join(', '),
    );
    return format;
  };
  for (const { name, choice } of sites) if (choice.kind === 'format') differ(name, [choice.format]);
  for (const site of autoSites(spec)) {
    const format = differ(
      site.name,
      levelsOf(spec, site).map((level) => level.format),
    );
    if (format !== undefined) chosen.set(site.name, format);
  }
  for (const { sites: tied } of spec.precision.ties) {
    const [first = '', ...others] = tied;
    for (const other of others)
      findings.check(
        'format',
        member('/formats', other),
        isTied(given, first, other),
        () => `it is tied to ${first}`,
      );
  }
  if (!complete) return undefined;
  const plan = planFormats(spec, { formats: chosen, why: 'certificate' }).value;
  const program = plan && lowerTraining(spec, plan).value;
  const single = plan && lowerTraining({ ...spec, data: { ...spec.data, batch: 1 } }, plan).value;
  findings.check('format', '/formats', program !== undefined, () => 'no program has these formats');
  return program && single && [program, single];
}

/** Ties are of widths. */
function isTied(formats: ReadonlyMap<string, string>, a: string, b: string): boolean {
  const width = (site: string): string | undefined =>
    formats
      .get(site)
      ?.split(' ')[0]
      ?.replace(/^u(?=int)/, '');
  return width(a) === width(b);
}

/** Whether the parameters that the certificate speaks of are at hand, or nothing depends on them here. */
function checkParameters(
  { parameters, worst_case: worstCase }: Certificate,
  spec: CheckedSpec,
  program: TrainingProgram,
  state: CheckpointState | undefined,
  findings: Findings,
): boolean {
  const at = '/parameters';
  if (parameters.kind === 'checkpoint') {
    if (state === undefined && worstCase === undefined) {
      findings.taken(`the parameters of step ${parameters.step}`);
      return true;
    }
    const right = state?.sha256 === parameters.sha256 && state.step === parameters.step;
    findings.check('parameters', at, right, () =>
      state === undefined
        ? 'its checkpoint is needed'
        : `the checkpoint is that of step ${state.step} and hashes to ${state.sha256}`,
    );
    const misfit = state && misfitOf(program, state);
    findings.check('parameters', at, misfit === undefined, () => `the checkpoint has no such ${misfit}`);
    return right && misfit === undefined;
  }
  if (worstCase === undefined) return true;
  const { initFrom } = spec.model;
  findings.check('parameters', at, initFrom === undefined, () =>
    [`the spec's initial weights are those of ${initFrom?.path}`, 'a checkpoint of step 0'].join(', '),
  );
  const drawn = program.tensors.filter(({ initializer }) => initializer.kind === 'uniform');
  const count = drawn.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const few = parameters.kind === 'any_initial' || count <= MOST_DRAWN;
  findings.check(
    'parameters',
    at,
    few,
    () => `${count} parameters are too many to draw, at most ${MOST_DRAWN}`,
  );
  return initFrom === undefined && few;
}

/** What a checkpoint lacks of the step's tensors: optimizer state may be missing before the first step, where it is what it starts as. */
function misfitOf(program: TrainingProgram, { step, tensors }: CheckpointState): string | undefined {
  return program.tensors.find(({ name, role, shape }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) return step > 0 || role === 'parameter';
    return tensor.shape.join() !== shape.join() || !tensor.data.every((x) => Number.isFinite(x));
  })?.name;
}
