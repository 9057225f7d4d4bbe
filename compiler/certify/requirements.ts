import type {
  Certificate,
  ModelStatement,
  ProbabilityStatement,
  RequirementStatement,
} from '../certificate/certificate.ts';
import type { Requirement } from '../check/checked-spec.ts';
import { checkObserved } from './confirmation.ts';
import { writeDecimal } from './decimal.ts';
import * as D from './dyadic.ts';
import type { QuantityBounds, RecomputedStep } from './step.ts';
import type { Findings } from './verdict.ts';

/** Checks that the certificate states the spec's requirements, and that each of them holds. */
export function checkRequirements(
  certificate: Certificate,
  required: readonly Requirement[],
  parameters: readonly string[],
  step: RecomputedStep | undefined,
  findings: Findings,
): void {
  const { requirements } = certificate;
  const count = requirements.length === required.length;
  findings.check('requirement', '/requirements', count, () =>
    [`the spec has ${required.length} requirements`, `the certificate ${requirements.length}`].join(', '),
  );
  requirements.forEach((stated, i) => {
    const at = `/requirements/${i}`;
    const wanted = required[i];
    if (wanted === undefined) return;
    for (const [name, given, expected] of fields(stated, wanted)) {
      findings.check('requirement', `${at}/${name}`, given === expected, () =>
        [`the spec requires ${expected ?? 'none'}`, `the certificate states ${given ?? 'none'}`].join(', '),
      );
    }
    if (stated.mode === 'worst_case') checkWorstCase(certificate, stated, at, parameters, step, findings);
    else checkProbability(certificate, stated, at, parameters, findings);
  });
}

type Field = readonly [name: string, stated: unknown, required: unknown];

function fields(stated: RequirementStatement, required: Requirement): readonly Field[] {
  const { relativeTo } = required;
  return [
    ['quantity', stated.quantity, required.quantity],
    ['norm', stated.norm, required.norm],
    ['reference', stated.reference, required.reference],
    ['relative_to', stated.relative_to, typeof relativeTo === 'object' ? relativeTo.declared : relativeTo],
    ['tolerance', stated.tolerance, required.bound],
    ['probability', stated.probability, required.probability],
  ];
}

/** Bounds that were recomputed, not those that are stated, meet the tolerance; exactly, by whole numbers. */
function checkWorstCase(
  certificate: Certificate,
  stated: RequirementStatement,
  at: string,
  parameters: readonly string[],
  step: RecomputedStep | undefined,
  findings: Findings,
): void {
  findings.check(
    'requirement',
    `${at}/mode`,
    step !== undefined,
    () => 'there is no worst case to judge it by',
  );
  if (step === undefined) return;
  const each = stated.quantity === 'each gradient';
  const names = each ? parameters.map((name) => `${name}.grad`) : [stated.quantity];
  const norm = stated.norm === 'l2' ? 'two' : 'inf';
  for (const name of names) {
    const bounds: QuantityBounds | undefined = step.bounds[stated.reference].get(name);
    const denominator = denominatorOf(certificate, stated, name, at, findings);
    findings.check('requirement', at, bounds !== undefined, () => `no bound of ${name} was recomputed`);
    if (bounds === undefined || denominator === undefined) continue;
    const error = bounds.error[norm];
    const holds = D.isAtMostProduct(error, D.fromNumber(stated.tolerance), D.fromNumber(denominator));
    findings.check('requirement', at, holds, () =>
      [
        `the error of ${name} is at most ${writeDecimal(error)}`,
        `above ${stated.tolerance} of ${denominator}`,
      ].join(', '),
    );
  }
}

/** What a worst case is divided by: declared, or measured, and then the least that the certificate states of it. */
function denominatorOf(
  { probability = [] }: Certificate,
  stated: RequirementStatement,
  name: string,
  at: string,
  findings: Findings,
): number | undefined {
  const { relative_to: relativeTo, denominators = {} } = stated;
  if (typeof relativeTo === 'number') return relativeTo;
  const found = Object.hasOwn(denominators, name) ? denominators[name] : undefined;
  findings.check('requirement', `${at}/denominators`, found !== undefined, () =>
    [`it is relative to the ${relativeTo} of ${name}`, 'which is not stated'].join(', '),
  );
  if (found === undefined) return undefined;
  const quantity = name.endsWith('.grad') ? `gradient:${name.slice(0, -'.grad'.length)}` : name;
  for (const statement of probability.filter(({ reference }) => reference === stated.reference)) {
    const measured =
      relativeTo === 'noise_floor'
        ? [statement.noise_floor[quantity]]
        : statement.batches.map(({ quantities }) => quantities[quantity]?.norm);
    const least = Math.min(...measured.filter((x) => x !== undefined));
    findings.check('requirement', `${at}/denominators/${name}`, found <= least, () =>
      [`it states ${found}`, `the batches ${least}`].join(', '),
    );
  }
  findings.taken(`the ${relativeTo} of ${name}`);
  return found;
}

function checkProbability(
  { probability = [] }: Certificate,
  stated: RequirementStatement,
  at: string,
  parameters: readonly string[],
  findings: Findings,
): void {
  const wanted = stated.probability;
  const said = wanted !== undefined && wanted < 1 && stated.norm === 'l2';
  findings.check('requirement', `${at}/mode`, said, () =>
    wanted === undefined || wanted >= 1
      ? 'a requirement without a probability is for the worst case'
      : 'probabilities are of errors in the 2-norm',
  );
  const place = probability.findIndex(
    ({ reference, probability: p }) => reference === stated.reference && wanted !== undefined && p >= wanted,
  );
  const statement = probability[place];
  findings.check('requirement', `${at}/mode`, statement !== undefined, () =>
    [`nothing is stated of reference ${stated.reference}`, `with probability ${wanted}`].join(' '),
  );
  if (statement === undefined) return;
  const names =
    stated.quantity === 'each gradient' ? parameters.map((name) => `gradient:${name}`) : [stated.quantity];
  for (const name of names) checkQuantity(statement, `/probability/${place}`, stated, at, name, findings);
}

/** The predicted quantile of every batch meets the tolerance, and so do real steps. */
function checkQuantity(
  statement: ProbabilityStatement,
  from: string,
  stated: RequirementStatement,
  at: string,
  name: string,
  findings: Findings,
): void {
  const limits = statement.batches.map((batch) => limitOf(statement, batch, stated, name));
  statement.batches.forEach((batch, i) => {
    const predicted = batch.quantities[name];
    const limit = limits[i];
    findings.check('requirement', at, predicted !== undefined && limit !== undefined, () =>
      [`no prediction of ${name} on ${batch.batch}`, 'or nothing to divide it by'].join(', '),
    );
    if (predicted === undefined || limit === undefined) return;
    const quantile = predicted.rms * predicted.quantile_factor;
    findings.check('requirement', at, quantile <= limit, () =>
      [`the predicted quantile of ${name} on ${batch.batch} is ${quantile}`, `above ${limit}`].join(', '),
    );
  });
  checkObserved(statement, from, stated, name, limits, findings);
}

/** The largest error that the requirement allows. */
function limitOf(
  statement: ProbabilityStatement,
  batch: ModelStatement,
  { relative_to: relativeTo, tolerance }: RequirementStatement,
  name: string,
): number | undefined {
  const denominator =
    typeof relativeTo === 'number'
      ? relativeTo
      : relativeTo === 'norm'
        ? batch.quantities[name]?.norm
        : statement.noise_floor[name];
  return denominator === undefined ? undefined : tolerance * denominator;
}
