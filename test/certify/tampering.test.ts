import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Certificate,
  digestOf,
  hashOfText,
  parseCertificate,
  planHash,
} from '../../compiler/certificate/index.ts';
import { certify, type Kind } from '../../compiler/certify/index.ts';
import { cases } from '../support/property.ts';
import { certificateOf, type Place, QUICK, scalarsOf, withValue } from './support.ts';

const certificate = certificateOf(QUICK);

/** The certificate with another value, and with hashes that fit it again. */
function resealed(place: Place, value: unknown): Certificate {
  const changed = withValue(certificate, place, value) as Certificate;
  const planned = place[0] === 'plan' ? changed : { ...changed, plan: planHash(changed.formats) };
  return { ...planned, digest: digestOf(planned) };
}

const kindsOf = (changed: Certificate): Kind[] =>
  certify(QUICK, changed).discrepancies.map(({ kind }) => kind);

function refusals(changed: Certificate): Map<Kind, { at: string; reason: string }> {
  return new Map(certify(QUICK, changed).discrepancies.map(({ kind, at, reason }) => [kind, { at, reason }]));
}

/** `0.0124` by one per cent more. */
const raised = (decimal: string, by: number): string => {
  const [, mantissa = '0', exponent = ''] = /^([\d.]+)(e.*)?$/.exec(decimal) ?? [];
  return `${(Number(mantissa) * by).toFixed(12)}${exponent}`;
};

test('what was made is certified', () => {
  const verdict = certify(QUICK, certificate);
  expect(verdict.discrepancies).toEqual([]);
  expect(verdict.holds).toBe(true);
  expect(verdict.taken).toEqual([]);
});

describe('refused, with hashes that fit again, where', () => {
  test('a format that is written in the spec is another one', () => {
    const found = refusals(resealed(['formats', 'c1.weights'], 'int8 per channel')).get('format');
    expect(found?.at).toBe('/formats/c1.weights');
    expect(found?.reason).toBe('it states int8 per channel, the spec allows int16 per channel');
  });

  test('a format that was derived is another level', () => {
    const found = refusals(resealed(['formats', 'f1.in'], 'uint8'));
    expect([...found.keys()]).toContain('coefficient');
    expect(found.get('coefficient')?.at).toBe('/worst_case/coefficients/quantizers/f1.in/relative');
    expect([...found.keys()]).toContain('bound');
    expect(refusals(resealed(['formats', 'f1.in'], 'int7')).get('format')?.at).toBe('/formats/f1.in');
  });

  test('a site is missing or made up', () => {
    expect(refusals(resealed(['formats', 'c1.in'], undefined)).get('format')?.at).toBe('/formats/c1.in');
    const more = { ...certificate, formats: { ...certificate.formats, 'c9.in': 'int8' } };
    expect(refusals(more).get('format')?.at).toBe('/formats/c9.in');
  });

  test.each([
    ['range', ['worst_case', 'ranges', 'F c1', 'two']],
    ['coefficient', ['worst_case', 'coefficients', 'weights', 'c1.weights', 'two']],
    ['coefficient', ['worst_case', 'coefficients', 'quantizers', 'c1.in', 'relative']],
    ['coefficient', ['worst_case', 'coefficients', 'products', 'F c1 conv2d', 'gamma']],
    ['bound', ['worst_case', 'bounds', 'real', 'logits', 'error', 'inf']],
    ['bound', ['worst_case', 'bounds', 'quantized_point', 'gradient', 'error', 'two']],
  ] as const)('a %s is another one: %s', (kind, place) => {
    const [, value] = scalarsOf(certificate).find(([at]) => at.join() === place.join()) ?? [];
    const changed = resealed(place, raised(String(value), 0.99));
    const verdict = certify(QUICK, changed);
    expect(verdict.discrepancies.map((d) => d.kind)).toEqual([kind]);
    expect(verdict.discrepancies[0]?.at).toBe(`/${place.join('/')}`);
    expect(verdict.discrepancies[0]?.reason).toMatch(/^it states .+, recomputed .+$/);
  });

  test('the text of the spec is another one', () => {
    const other = { ...QUICK, text: QUICK.text.replace('lr: 0.1', 'lr: 0.2') };
    const [first] = certify(other, certificate).discrepancies;
    expect(first).toMatchObject({ kind: 'spec', at: '/spec/sha256' });
    const fitting = { ...certificate, spec: { name: 'quick', sha256: hashOfText(other.text) } };
    const verdict = certify(other, { ...fitting, digest: digestOf(fitting) });
    expect(verdict.discrepancies.map(({ kind }) => kind)).toEqual(['range', 'bound']);
  });

  test('a requirement is weaker than the spec has it, or missing', () => {
    const found = refusals(resealed(['requirements', 0, 'tolerance'], 0.5)).get('requirement');
    expect(found).toEqual({
      at: '/requirements/0/tolerance',
      reason: 'the spec requires 0.1, the certificate states 0.5',
      kind: undefined,
    });
    const none = { ...certificate, requirements: [] };
    expect(refusals(none).get('requirement')?.at).toBe('/requirements');
  });

  test('a requirement does not hold', () => {
    const strict = { ...QUICK, text: QUICK.text.replace('<= 10%', '<= 0.001%') };
    const verdict = certify(strict, certificateOf(strict));
    expect(verdict.holds).toBe(false);
    expect(verdict.discrepancies.map(({ kind }) => kind)).toEqual(['requirement']);
    expect(verdict.discrepancies[0]?.reason).toMatch(
      /^the error of logits is at most .+, above 0.00001 of 10$/,
    );
  });

  test('any number is off by a hundredth or more', { timeout: 180_000 }, () => {
    const numbers = scalarsOf(certificate).filter(
      ([place, value]) =>
        place[0] === 'worst_case' && /^[\d.]+(e[+-]\d+)?$/.test(String(value)) && Number(value) !== 0,
    );
    const factor = fc.oneof(
      fc.double({ min: 1.01, max: 100, noNaN: true }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.nat(numbers.length - 1), factor, (i, by) => {
        const [place, value] = numbers[i] ?? [[], ''];
        const other =
          typeof value === 'number' ? Math.ceil(value * by) + (by > 1 ? 1 : -1) : raised(String(value), by);
        const changed = resealed(place, other);
        if (parseCertificate({ path: 'c.json', text: JSON.stringify(changed) }).value === undefined) return;
        const verdict = certify(QUICK, changed);
        expect(verdict.holds).toBe(false);
        expect(verdict.discrepancies[0]?.at).toBe(`/${place.join('/')}`);
      }),
      cases(60),
    );
  });
});

test('refused as changed where the hashes are the old ones', () => {
  fc.assert(
    fc.property(fc.nat(scalarsOf(certificate).length - 1), fc.string({ minLength: 1 }), (i, value) => {
      const [place = []] = scalarsOf(certificate)[i] ?? [];
      if (place[0] === 'digest') return;
      const changed = withValue(certificate, place, `${value}x`) as Certificate;
      expect(changed.digest).not.toBe(digestOf(changed));
    }),
    cases(200),
  );
  const changed = withValue(certificate, ['tool'], 'another') as Certificate;
  expect(kindsOf(changed)).toEqual(['digest']);
});
