import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { worstCaseCertificate } from '../../compiler/analysis/certificate/index.ts';
import { certify } from '../../compiler/certify/index.ts';
import { planFormats } from '../../compiler/lower/plan.ts';
import { lowerTraining } from '../../compiler/lower/training.ts';
import { checkSource } from '../../compiler/pipeline.ts';
import { certificateOf, QUICK } from './support.ts';

const SPECS = new URL('../../specs/', import.meta.url);

describe('bounds that the analysis and the certifier arrive at by different code', () => {
  const names = readdirSync(SPECS).filter((name) => name.endsWith('.qspec') && !name.includes('auto'));
  test.each(names)('%s', { timeout: 180_000 }, (name) => {
    const source = { path: name, text: readFileSync(new URL(name, SPECS), 'utf8') };
    const spec = checkSource(source).value;
    if (spec === undefined) throw new Error(`${name} does not check`);
    const plan = planFormats(spec, { formats: new Map(), why: 'test' }).value;
    const program = plan && lowerTraining(spec, plan).value;
    if (program === undefined) throw new Error(`${name} does not compile`);
    const certificate = worstCaseCertificate({ spec, program }, { tool: 'test' });
    const verdict = certify(source, certificate);
    expect(verdict.discrepancies).toEqual([]);
    expect(verdict.checked.get('range')).toBeGreaterThan(50);
    expect(verdict.checked.get('bound')).toBeGreaterThan(20);
  });
});

test('the loss of a batch is the mean of its samples, and its bound does not fall with their number', () => {
  const lossOf = (batch: number): number => {
    const text = QUICK.text.replace('batch: 8', `batch: ${batch}`).replace('samples: 192', 'samples: 4192');
    const source = { path: 'loss.qspec', text };
    const certificate = certificateOf(source);
    expect(certify(source, certificate).holds).toBe(true);
    return Number(certificate.worst_case?.bounds.real?.['loss']?.error.inf);
  };
  expect(lossOf(2048)).toBeGreaterThanOrEqual(lossOf(8));
});
