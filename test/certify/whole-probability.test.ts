import { describe, expect, test } from 'vitest';
import {
  formatsOf,
  probabilityStatement,
  requirementsOf,
} from '../../compiler/analysis/certificate/index.ts';
import { measure, type ProbeBatch } from '../../compiler/analysis/probability/index.ts';
import {
  type Certificate,
  type CertificateBody,
  digestOf,
  hashOfText,
  type ObservedQuantity,
  parseCertificate,
  seal,
} from '../../compiler/certificate/index.ts';
import { certify } from '../../compiler/certify/index.ts';
import type { Source } from '../../compiler/source/source.ts';
import { confirm, empiricalQuantile } from '../../runtime/probe/confirm.ts';
import { referenceEvaluate } from '../analysis/probability/support.ts';
import { hyper, randomBatch, startingState } from '../support/run-program.ts';
import { compiledOf, scalarsOf, withValue } from './support.ts';

const STEPS = 10;
const QUANTITY = 'gradient';

const SOURCE: Source = {
  path: 'probable.qspec',
  text: `spec probable

data glyphs(samples: 192, test: 60, seed: 1) { batch: 8, validation: 16 }

model Probable(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(4, kernel: 3, stride: 2) as c1 |> relu |> maxpool(2) |> flatten |> dense(10) as f1
}

train {
  F = forward(Probable) |> cross_entropy
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ B ∘ F
  epochs: 2
}

precision {
  weights: int8 per channel stochastic
  activations: int8 stochastic
  gradients: int8 stochastic
  require error(gradient, norm: l2, relative to: norm) <= 30% with probability 0.9
}
`,
};

async function made(): Promise<Certificate> {
  const { spec, program } = compiledOf(SOURCE);
  const point = new Map([...startingState(program, 3), ...hyper(program, 0.1)]);
  const batches: readonly ProbeBatch[] = [1, 2].map((seed) => ({
    name: `random ${seed}`,
    tensors: randomBatch(program, seed),
  }));
  const evaluate = referenceEvaluate(5);
  const table = await measure(program, point, batches, evaluate, {
    reference: 'real',
    probability: 0.9,
    levels: new Map(),
    quantities: [QUANTITY],
  });
  const observed = [];
  for (const batch of batches) {
    const all = await confirm(program, point, batch, evaluate, { reference: 'real', draws: STEPS });
    const sample = all.get(QUANTITY);
    if (sample === undefined) throw new Error('no real step was measured');
    const figures: ObservedQuantity = {
      norm: sample.norm,
      rms: sample.rms,
      quantile: empiricalQuantile(sample, 0.9),
      errors: [...sample.errors],
    };
    observed.push({ batch: batch.name, quantities: { [QUANTITY]: figures } });
  }
  const formats = formatsOf(program.plan);
  const body: CertificateBody = {
    tool: 'test',
    spec: { name: spec.name, sha256: hashOfText(SOURCE.text) },
    parameters: { kind: 'initial', seed: 3 },
    formats,
    requirements: requirementsOf(spec, 'as asked'),
    probability: [
      probabilityStatement(table, new Map(Object.entries(formats)), {
        quantities: [QUANTITY],
        confirmation: { steps: STEPS, first_step: 0, batches: observed },
      }),
    ],
  };
  return seal(body);
}

describe('a certificate with a probability', async () => {
  const certificate = await made();
  const at = (place: string): unknown =>
    scalarsOf(certificate).find(([keys]) => `/${keys.join('/')}` === place)?.[1];
  /** The first discrepancies where a number is another one, and hashes fit. */
  const refusals = (place: string, value: unknown, spec = SOURCE): readonly string[] => {
    const keys = scalarsOf(certificate).find(([k]) => `/${k.join('/')}` === place)?.[0];
    if (keys === undefined) throw new Error(`nothing stands at ${place}`);
    const changed = withValue(certificate, keys, value) as Certificate;
    return certify(spec, { ...changed, digest: digestOf(changed) }).discrepancies.map((d) => d.at);
  };
  const batch = '/probability/0/batches/0';
  const sample = '/probability/0/confirmation/batches/1/quantities/gradient';

  test('is read back and certified, and says what was taken as stated', () => {
    expect(parseCertificate({ path: 'c.json', text: JSON.stringify(certificate) }).diagnostics).toEqual([]);
    const verdict = certify(SOURCE, certificate);
    expect(verdict.discrepancies).toEqual([]);
    expect(verdict.taken).toEqual(['coefficients of the error model, from 16 passes on random 1, random 2']);
    expect(verdict.checked.get('prediction')).toBeGreaterThan(20);
    expect(verdict.checked.get('confirmation')).toBeGreaterThan(5);
  });

  test('is refused where a figure is another one', () => {
    const rms = `${batch}/quantities/gradient/rms`;
    expect(refusals(rms, Number(at(rms)) * 1.01)).toEqual([rms]);
    const norm = `${batch}/quantities/gradient/norm`;
    expect(refusals(norm, Number(at(norm)) / 1000)).toEqual([
      '/probability/0/confirmation/batches/0/quantities/gradient/norm',
      '/requirements/0',
    ]);
    const quantile = `${sample}/quantile`;
    expect(refusals(quantile, Number(at(quantile)) * 0.99)).toEqual([quantile]);
    expect(refusals(`${sample}/rms`, Number(at(`${sample}/rms`)) * 1.01)).toEqual([`${sample}/rms`]);
    expect(refusals(`${sample}/errors/9`, Number(at(`${sample}/errors/9`)) * 1.5)).toEqual([`${sample}/rms`]);
    expect(refusals('/probability/0/confirmation/steps', 11)).toEqual([
      '/probability/0/confirmation/batches/0/quantities/gradient/errors',
    ]);
  });

  test('is refused where the spec asks for more', () => {
    const strict = { ...SOURCE, text: SOURCE.text.replace('<= 30%', '<= 0.1%') };
    const other = {
      ...certificate,
      spec: { name: 'probable', sha256: hashOfText(strict.text) },
      requirements: certificate.requirements.map((r) => ({ ...r, tolerance: 0.001 })),
    };
    const { discrepancies } = certify(strict, { ...other, digest: digestOf(other) });
    expect(discrepancies.map(({ kind }) => kind)).toEqual(['requirement', 'confirmation']);
    expect(discrepancies[1]?.reason).toBe('0 of 20 steps kept gradient within the tolerance, required 0.9');
    expect(discrepancies[0]?.reason).toMatch(
      /^the predicted quantile of gradient on random 1 is .+, above .+$/,
    );
    const surer = { ...SOURCE, text: SOURCE.text.replace('probability 0.9', 'probability 0.99') };
    expect(refusals('/requirements/0/probability', 0.99, surer)).toContain('/requirements/0/mode');
  });

  test('is refused without real steps', () => {
    const [statement] = certificate.probability ?? [];
    if (statement === undefined) throw new Error('nothing is stated');
    const { confirmation: _, ...rest } = statement;
    const other = { ...certificate, probability: [rest] };
    const { discrepancies } = certify(SOURCE, { ...other, digest: digestOf(other) });
    expect(discrepancies.map((d) => d.reason)).toEqual(['no real step measured gradient on random 1']);
  });
});
