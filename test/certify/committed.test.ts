import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { deriveAssignment, parseSensitivities } from '../../compiler/allocate/auto/sensitivities.ts';
import { parseCertificate } from '../../compiler/certificate/index.ts';
import { certify } from '../../compiler/certify/index.ts';
import { formatName } from '../../compiler/numeric/format.ts';
import { checkSource, hashOf } from '../../compiler/pipeline.ts';

const read = (name: string): string => readFileSync(new URL(`../../specs/${name}`, import.meta.url), 'utf8');

test('the certificate beside the auto spec holds, and is of the formats that its sensitivities give', () => {
  const source = { path: 'cnn2-mnist-auto.qspec', text: read('cnn2-mnist-auto.qspec') };
  const certificate = parseCertificate({
    path: 'certificate.json',
    text: read('cnn2-mnist-auto.certificate.json'),
  });
  const sensitivities = parseSensitivities(read('cnn2-mnist-auto.sensitivities.json'));
  const spec = checkSource(source).value;
  if (certificate.value === undefined || typeof sensitivities === 'string' || spec === undefined) {
    throw new Error('the files beside the spec cannot be read');
  }
  expect(sensitivities.spec).toBe(hashOf(source));
  expect(certify(source, certificate.value).discrepancies).toEqual([]);
  const assignment = deriveAssignment(spec, sensitivities);
  expect(assignment.diagnostics).toEqual([]);
  for (const [site, format] of assignment.value?.formats ?? []) {
    expect(`${site} ${formatName(format)}`).toBe(`${site} ${certificate.value.formats[site]}`);
  }
});
