import type {
  ObservedQuantity,
  ProbabilityStatement,
  RequirementStatement,
} from '../certificate/certificate.ts';
import { isAlike } from './model.ts';
import { type Findings, member } from './verdict.ts';
import { differs } from './worst-case.ts';

/** Two engines' float32 give norms of one tensor that differ by less. */
const SAME_NORM = 1e-3;

/** That real steps were enough for a quantile, and that their figures are those of one sample. */
export function checkConfirmation(statement: ProbabilityStatement, at: string, findings: Findings): void {
  const { confirmation, probability } = statement;
  if (confirmation === undefined) return;
  const { steps, batches } = confirmation;
  const all = steps * batches.length;
  const enough = all * (1 - probability) >= 1 - 1e-9;
  findings.check('confirmation', `${at}/confirmation/steps`, enough, () =>
    [`${all} steps on all batches have no quantile of ${probability}`, 'beside their largest error'].join(
      ' ',
    ),
  );
  const names = batches.map(({ batch }) => batch);
  const known = statement.batches.map(({ batch }) => batch);
  findings.check('confirmation', `${at}/confirmation/batches`, names.join() === known.join(), () =>
    [`real steps are on ${names.join(', ')}`, `the model is of ${known.join(', ')}`].join('; '),
  );
  batches.forEach(({ quantities }, i) => {
    for (const [name, observed] of Object.entries(quantities)) {
      const place = member(`${at}/confirmation/batches/${i}/quantities`, name);
      checkSample(observed, place, steps, probability, findings);
      // Against the real step, the quantity is one and the same.
      const norm = statement.batches[i]?.quantities[name]?.norm;
      if (norm === undefined || statement.reference !== 'real') continue;
      const same = Math.abs(norm - observed.norm) <= SAME_NORM * norm;
      findings.check(
        'confirmation',
        `${place}/norm`,
        same,
        () => `it states ${observed.norm}, the model ${norm}`,
      );
    }
  });
}

function checkSample(
  { rms, quantile, errors }: ObservedQuantity,
  at: string,
  steps: number,
  probability: number,
  findings: Findings,
): void {
  const same = (name: string, stated: number, recomputed: number): void => {
    findings.check('confirmation', `${at}/${name}`, isAlike(stated, recomputed), () =>
      differs(`${stated}`, `${recomputed}`),
    );
  };
  if (errors === undefined) {
    // Of n squares whose mean is rms², at least (1 − p)·n are as large as the quantile's.
    const possible = quantile * quantile * (1 - probability) <= rms * rms * (1 + 1e-9);
    findings.check('confirmation', at, possible, () =>
      [`no sample has rms ${rms}`, `and ${probability}-quantile ${quantile}`].join(' '),
    );
    return;
  }
  same('errors', errors.length, steps);
  const ascending = errors.every((error, i) => i === 0 || error >= (errors[i - 1] ?? 0));
  findings.check('confirmation', `${at}/errors`, ascending, () => 'errors must be ascending');
  let squares = 0;
  for (const error of errors) squares += error * error;
  same('rms', rms, Math.sqrt(squares / errors.length));
  same('quantile', quantile, quantileOf(errors, probability));
}

/** The smallest error that at least a share p of all does not exceed. */
function quantileOf(ascending: readonly number[], p: number): number {
  const place = Math.ceil(p * ascending.length);
  return ascending[Math.max(0, place - 1)] ?? Number.NaN;
}

/**
 * Real steps keep within the tolerance as often as is required: of all steps on all batches together where every error is stated, else on
 * each batch.
 * @param limits by batch of the model
 */
export function checkObserved(
  statement: ProbabilityStatement,
  at: string,
  { probability = 1 }: RequirementStatement,
  name: string,
  limits: readonly (number | undefined)[],
  findings: Findings,
): void {
  const place = `${at}/confirmation`;
  const observed = new Map(
    statement.confirmation?.batches.map(({ batch, quantities }) => [batch, quantities]),
  );
  const samples = statement.batches.map(({ batch }) => observed.get(batch)?.[name]);
  let [within, all] = [0, 0];
  samples.forEach((sample, i) => {
    const batch = statement.batches[i]?.batch;
    findings.check(
      'confirmation',
      place,
      sample !== undefined,
      () => `no real step measured ${name} on ${batch}`,
    );
    const limit = limits[i] ?? 0;
    all += sample?.errors?.length ?? 0;
    within += sample?.errors?.filter((error) => error <= limit).length ?? 0;
  });
  if (samples.every((sample) => sample?.errors !== undefined)) {
    findings.check('confirmation', place, within >= probability * all - 1e-9, () =>
      [`${within} of ${all} steps kept ${name} within the tolerance`, `required ${probability}`].join(', '),
    );
    return;
  }
  samples.forEach((sample, i) => {
    const batch = statement.batches[i]?.batch;
    if (sample === undefined) return;
    findings.check('confirmation', place, sample.quantile <= (limits[i] ?? 0), () =>
      [`the observed quantile of ${name} on ${batch} is ${sample.quantile}`, `above ${limits[i]}`].join(', '),
    );
  });
}
